package image_test

import (
	"bytes"
	"encoding/binary"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davidbyttow/govips/v2/vips"
)

// entry is a field of EXIF: ASCII, or an offset of another directory.
type entry struct {
	tag  uint16
	text string
	ifd  []entry
}

// exifOf is a block of EXIF with these fields. https://www.cipa.jp/std/documents/e/DC-008-Translation-2019-E.pdf
func exifOf(fields []entry) []byte {
	b := []byte("MM\x00*\x00\x00\x00\x08")
	var write func(list []entry)
	write = func(list []entry) {
		start := len(b)
		b = append(b, make([]byte, 2+12*len(list)+4)...)
		binary.BigEndian.PutUint16(b[start:], uint16(len(list)))
		for i, e := range list {
			at := start + 2 + 12*i
			binary.BigEndian.PutUint16(b[at:], e.tag)
			kind, count := uint16(2), uint32(len(e.text)+1)
			if e.ifd != nil {
				kind, count = 4, 1
			}
			binary.BigEndian.PutUint16(b[at+2:], kind)
			binary.BigEndian.PutUint32(b[at+4:], count)
			value := make([]byte, 4)
			switch {
			case e.ifd != nil:
				binary.BigEndian.PutUint32(value, uint32(len(b)))
				write(e.ifd)
			case count > 4:
				binary.BigEndian.PutUint32(value, uint32(len(b)))
				b = append(append(b, e.text...), 0)
				if len(b)%2 == 1 {
					b = append(b, 0)
				}
			default:
				copy(value, e.text)
			}
			copy(b[at+8:], value)
		}
	}
	write(fields)
	return b
}

// segment puts an application's segment into a JPEG.
func segment(photo []byte, marker byte, data []byte) []byte {
	n := len(data) + 2
	return slices.Concat([]byte{0xff, 0xd8, 0xff, marker, byte(n >> 8), byte(n)}, data, photo[2:])
}

// told is a JPEG with a camera, an author, a place, a thumbnail's worth of XMP.
func told(t testing.TB, photo []byte) []byte {
	exif := exifOf([]entry{
		{tag: 0x010f, text: "Kamerawerke"}, {tag: 0x013b, text: "Ada Lovelace"}, {tag: 0x8298, text: "(c) 1843 Ada"},
		{tag: 0x8769, ifd: []entry{{tag: 0x9003, text: "1843:10:01 12:00:00"}}},
		{tag: 0x8825, ifd: []entry{{tag: 0x0001, text: "N"}, {tag: 0x001d, text: "1843:10:01"}}},
	})
	photo = segment(photo, 0xe1, []byte("http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta xmlns:x='adobe:ns:meta/'>secret place</x:xmpmeta>"))
	return segment(photo, 0xe1, append([]byte("Exif\x00\x00"), exif...))
}

func fieldsOf(t testing.TB, file string) map[string]string {
	t.Helper()
	v, err := vips.NewImageFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	all := map[string]string{}
	for _, f := range v.ImageFields() {
		all[f] = v.GetAsString(f)
	}
	return all
}

func TestMetadataThatIsKept(t *testing.T) {
	photo := told(t, asJPEG(t, portrait()))
	const camera, author, rights, taken, place, xmp = "exif-ifd0-Make", "exif-ifd0-Artist", "exif-ifd0-Copyright", "exif-ifd2-DateTimeOriginal", "exif-ifd3-GPSDateStamp", "xmp-data"
	all := []string{camera, author, rights, taken, place, xmp}
	for _, c := range []struct {
		keep string
		want []string
	}{
		{"", nil},
		{"{do: strip},", nil},
		{"{do: strip, keep: [copyright]},", []string{author, rights}},
		{"{do: strip, keep: [exif]},", []string{camera, author, rights, taken}},
		{"{do: strip, keep: [all]},", all},
	} {
		for _, name := range []string{"a.jpg", "a.webp", "a.png", "a.avif"} {
			folder, _, err := workOn(t, photo, outputs(t, "      - {name: "+name+", image: [{do: orient}, "+c.keep+" {do: resize, width: 100}]}\n"))
			if err != nil {
				t.Fatal(err)
			}
			fields := fieldsOf(t, filepath.Join(folder, name))
			for _, f := range all {
				if _, is := fields[f]; is != slices.Contains(c.want, f) {
					t.Errorf("%q in %s: %s is there: %v", c.keep, name, f, is)
				}
			}
			if slices.Contains(c.want, author) && !strings.HasPrefix(fields[author], "Ada Lovelace") {
				t.Errorf("the author is %q", fields[author])
			}
			b, _ := os.ReadFile(filepath.Join(folder, name))
			if c.keep != "{do: strip, keep: [all]}," && (bytes.Contains(b, []byte("1843:10:01\x00")) || bytes.Contains(b, []byte("secret place"))) {
				t.Errorf("%q in %s: the place is still there", c.keep, name)
			}
		}
	}
}

// What is made of an output has what was left in it, and no more.
func TestMetadataOfWhatIsDerived(t *testing.T) {
	folder, _, err := workOn(t, told(t, asJPEG(t, portrait())), outputs(t, `      - {name: a.jpg, image: [{do: strip, keep: [copyright]}, {do: resize, width: 200}]}
      - {name: b.jpg, from: a.jpg, image: [{do: strip, keep: [all]}]}
      - {name: c.jpg, from: a.jpg, image: [{do: resize, width: 50}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	b, c := fieldsOf(t, filepath.Join(folder, "b.jpg")), fieldsOf(t, filepath.Join(folder, "c.jpg"))
	if b["exif-ifd0-Artist"] == "" || b["exif-ifd0-Make"] != "" || c["exif-ifd0-Artist"] != "" {
		t.Errorf("%v; %v", b, c)
	}
}

// Without orient the pixels stay as they lie, and so does what is said of them.
func TestOrientationStaysUnlessItIsDone(t *testing.T) {
	folder, made, err := workOn(t, turned(asJPEG(t, halves(400, 200)), 6), outputs(t, `      - {name: as.jpg, image: [{do: resize, width: 100}]}
      - {name: up.jpg, image: [{do: orient}, {do: resize, width: 100}]}
      - {name: later.jpg, from: as.jpg, image: [{do: orient}]}
      - {name: twice.jpg, image: [{do: orient}, {do: orient}, {do: crop, width: 100, height: 100}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ w, h, orientation int }{{100, 50, 6}, {100, 200, 1}, {50, 100, 1}, {100, 100, 1}} {
		v, err := vips.NewImageFromFile(filepath.Join(folder, made[i].Name))
		if err != nil {
			t.Fatal(err)
		}
		if got := max(v.Orientation(), 1); made[i].Width != want.w || made[i].Height != want.h || got != want.orientation {
			t.Errorf("%+v with orientation %d, want %v", made[i], got, want)
		}
		v.Close()
	}
}

// widened is a JPEG whose pixels are those of a wide colour space: its profile turns a
// dull red into a bright one.
func widened(t testing.TB, c color.RGBA) []byte {
	t.Helper()
	img := halves(60, 40)
	for i := 0; i < len(img.Pix); i += 4 {
		copy(img.Pix[i:], []byte{c.R, c.G, c.B, 255})
	}
	v, err := vips.NewImageFromBuffer(asJPEG(t, img))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	// libvips has Display P3 among its own profiles.
	if err := v.TransformICCProfileWithFallback("p3", "srgb"); err != nil {
		t.Fatal(err)
	}
	p := vips.NewJpegExportParams()
	p.Quality, p.StripMetadata, p.SubsampleMode = 95, false, vips.VipsForeignSubsampleOff
	b, _, err := v.ExportJpeg(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestProfiles(t *testing.T) {
	photo := widened(t, color.RGBA{R: 255})
	folder, _, err := workOn(t, photo, outputs(t, `      - {name: srgb.png, image: [{do: resize, width: 30}]}
      - {name: own.png, image: [{do: strip, keep: [profile]}, {do: resize, width: 30}]}
      - {name: of.png, from: own.png, image: [{do: resize, width: 20}]}
      - {name: colour.png, image: [{do: adjust, brightness: 100%}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"srgb.png", "of.png", "colour.png"} {
		c := at(look(t, filepath.Join(folder, name)), 10, 10)
		if c.R < 248 || c.G > 12 || c.B > 12 {
			t.Errorf("%s: sRGB's red has become %v", name, c)
		}
		if f := fieldsOf(t, filepath.Join(folder, name)); f["icc-profile-data"] != "" {
			t.Errorf("%s has a profile", name)
		}
	}
	own := filepath.Join(folder, "own.png")
	if c := at(look(t, own), 10, 10); c.R > 242 || c.G < 40 {
		t.Errorf("in its own space, red is %v", c)
	}
	if f := fieldsOf(t, own); f["icc-profile-data"] == "" {
		t.Error("the profile is lost")
	}
}

// A profile that says nothing sensible is no reason to fail.
func TestBrokenProfile(t *testing.T) {
	junk := bytes.Repeat([]byte("not a profile, but long enough to be taken for one. "), 50)
	photo := segment(asJPEG(t, halves(60, 40)), 0xe2, append([]byte("ICC_PROFILE\x00\x01\x01"), junk...))
	for _, keep := range []string{"", "{do: strip, keep: [profile]}, ", "{do: strip, keep: [all]}, "} {
		img := makeOne(t, photo, keep+"{do: resize, width: 30}")
		wantColour(t, img, 0.2, 0.5, red, 12)
	}
}
