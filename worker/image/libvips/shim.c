#include "shim.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

static void drop(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer unused) {}

// What is read: everything else is off. The blocked classes hold loaders that read other
// files or the network (SVG, PDF), run programs (ImageMagick's delegates), or were never
// meant for what strangers send (Matlab, OpenEXR, raw formats, libvips's own).
static const char *const readers[] = {
	"VipsForeignLoadJpeg", "VipsForeignLoadPng", "VipsForeignLoadWebp", "VipsForeignLoadTiff",
	"VipsForeignLoadHeif", "VipsForeignLoadNsgif",
};

int sk_start(void)
{
#ifdef __GLIBC__
	// Each arena of malloc keeps what was freed in it: two of them, not eight a core.
	mallopt(M_ARENA_MAX, 2);
	// Pixels come and go in large blocks: they go back to the system at once. Without
	// this the threshold grows with what is freed, up to 32 MiB.
	mallopt(M_MMAP_THRESHOLD, 4 << 20);
	mallopt(M_TRIM_THRESHOLD, 16 << 20);
#endif
	if (vips_init("skynet-worker"))
		return -1;
	g_log_set_handler("VIPS", G_LOG_LEVEL_MASK | G_LOG_FLAG_FATAL | G_LOG_FLAG_RECURSION, drop, NULL);
	vips_concurrency_set(1);
	vips_cache_set_max(0);
	vips_block_untrusted_set(TRUE);
	vips_operation_block_set("VipsForeignLoad", TRUE);
	for (size_t i = 0; i < G_N_ELEMENTS(readers); i++)
		vips_operation_block_set(readers[i], FALSE);
	return 0;
}

void sk_free(void *p) { g_free(p); }

int sk_find(const char *operation) { return vips_type_find("VipsOperation", operation) != 0; }

int sk_pages(VipsImage *in, int *pages)
{
	if (!vips_image_get_typeof(in, VIPS_META_N_PAGES))
		return -1;
	return vips_image_get_int(in, VIPS_META_N_PAGES, pages);
}

sk_watch *sk_watch_new(gint64 microseconds)
{
	sk_watch *w = g_new0(sk_watch, 1);
	if (microseconds > 0)
		w->deadline = g_get_monotonic_time() + microseconds;
	return w;
}

void sk_watch_end(sk_watch *w) { g_atomic_int_compare_and_exchange(&w->ended, 0, 1); }

int sk_watch_ended(sk_watch *w)
{
	if (w->deadline && g_get_monotonic_time() > w->deadline)
		g_atomic_int_compare_and_exchange(&w->ended, 0, 2);
	return g_atomic_int_get(&w->ended);
}

static void look(VipsImage *image, VipsProgress *progress, sk_watch *w)
{
	if (sk_watch_ended(w))
		vips_image_set_kill(image, TRUE);
}

void sk_watch_on(sk_watch *w, VipsImage *image)
{
	vips_image_set_progress(image, TRUE);
	g_signal_connect(image, "preeval", G_CALLBACK(look), w);
	g_signal_connect(image, "eval", G_CALLBACK(look), w);
}

#define HOW "access", whole ? VIPS_ACCESS_RANDOM : VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR

int sk_load_jpeg(const char *file, int shrink, int whole, VipsImage **out)
{
	return vips_jpegload(file, out, "shrink", shrink, HOW, NULL);
}

int sk_load_webp(const char *file, double scale, int whole, VipsImage **out)
{
	return vips_webpload(file, out, "scale", scale, HOW, NULL);
}

int sk_load(int format, const char *file, int whole, VipsImage **out)
{
	switch (format) {
	case 2:
		return vips_pngload(file, out, HOW, NULL);
	case 4:
		return vips_tiffload(file, out, HOW, NULL);
	case 5:
		return vips_heifload(file, out, HOW, NULL);
	case 6:
		return vips_gifload(file, out, HOW, NULL);
	}
	vips_error("load", "no such format");
	return -1;
}

int sk_save_jpeg(VipsImage *in, const char *file, int quality, int progressive, int strip)
{
	return vips_jpegsave(in, file, "Q", quality, "interlace", progressive, "optimize_coding", TRUE,
		"strip", strip, NULL);
}

int sk_save_png(VipsImage *in, const char *file, int effort, int strip)
{
	return vips_pngsave(in, file, "compression", effort, "strip", strip, NULL);
}

int sk_save_webp(VipsImage *in, const char *file, int quality, int lossless, int effort, int strip)
{
	return vips_webpsave(in, file, "Q", quality, "lossless", lossless, "effort", effort,
		"strip", strip, NULL);
}

int sk_save_avif(VipsImage *in, const char *file, int quality, int lossless, int effort, int strip)
{
	return vips_heifsave(in, file, "compression", VIPS_FOREIGN_HEIF_COMPRESSION_AV1, "Q", quality,
		"lossless", lossless, "effort", effort,
		"strip", strip, NULL);
}

int sk_resize(VipsImage *in, VipsImage **out, double across, double down)
{
	return vips_resize(in, out, across, "vscale", down, NULL);
}

int sk_crop(VipsImage *in, VipsImage **out, int left, int top, int width, int height)
{
	return vips_extract_area(in, out, left, top, width, height, NULL);
}

int sk_smartcrop(VipsImage *in, VipsImage **out, int width, int height)
{
	return vips_smartcrop(in, out, width, height, "interesting", VIPS_INTERESTING_ATTENTION, NULL);
}

int sk_autorot(VipsImage *in, VipsImage **out) { return vips_autorot(in, out, NULL); }

int sk_quarter(VipsImage *in, VipsImage **out, int quarters) { return vips_rot(in, out, quarters, NULL); }

int sk_rotate(VipsImage *in, VipsImage **out, double degrees, double *background, int n)
{
	VipsArrayDouble *b = vips_array_double_new(background, n);
	int r = vips_rotate(in, out, degrees, "background", b, NULL);
	vips_area_unref(VIPS_AREA(b));
	return r;
}

int sk_premultiply(VipsImage *in, VipsImage **out) { return vips_premultiply(in, out, NULL); }

int sk_unpremultiply(VipsImage *in, VipsImage **out) { return vips_unpremultiply(in, out, NULL); }

int sk_uchar(VipsImage *in, VipsImage **out)
{
	VipsImage *t = NULL;
	// Fractions are rounded: a cast would cut them off.
	int r = vips_band_format_isfloat(in->BandFmt)
		? vips_linear1(in, &t, 1.0, 0.5, "uchar", TRUE, NULL)
		: vips_cast(in, &t, VIPS_FORMAT_UCHAR, NULL);
	if (r)
		return -1;
	r = vips_copy(t, out, "interpretation", VIPS_INTERPRETATION_sRGB, NULL);
	g_object_unref(t);
	return r;
}

int sk_srgb(VipsImage *in, VipsImage **out) { return vips_colourspace(in, out, VIPS_INTERPRETATION_sRGB, NULL); }

int sk_icc(VipsImage *in, VipsImage **out)
{
	return vips_icc_transform(in, out, "srgb", "embedded", TRUE, "intent", VIPS_INTENT_PERCEPTUAL, "depth", 8, NULL);
}

int sk_flatten(VipsImage *in, VipsImage **out, double *background, int n)
{
	VipsArrayDouble *b = vips_array_double_new(background, n);
	int r = vips_flatten(in, out, "background", b, NULL);
	vips_area_unref(VIPS_AREA(b));
	return r;
}

int sk_add_alpha(VipsImage *in, VipsImage **out) { return vips_addalpha(in, out, NULL); }

int sk_mix(VipsImage *in, VipsImage **out, double *matrix, double *add, int n)
{
	VipsImage *m = vips_image_new_matrix_from_array(n, n, matrix, n * n);
	VipsImage *mixed = NULL, *added = NULL;
	double *one = g_new(double, n);
	int r = -1;
	for (int i = 0; i < n; i++)
		one[i] = 1;
	if (m && !vips_recomb(in, &mixed, m, NULL) && !vips_linear(mixed, &added, one, add, n, NULL))
		r = sk_uchar(added, out);
	VIPS_UNREF(added);
	VIPS_UNREF(mixed);
	VIPS_UNREF(m);
	g_free(one);
	return r;
}

int sk_opacity(VipsImage *in, VipsImage **out, double opacity)
{
	double a[4] = { 1, 1, 1, opacity };
	double b[4] = { 0, 0, 0, 0.5 };
	return vips_linear(in, out, a, b, 4, "uchar", TRUE, NULL);
}

int sk_drop_alpha(VipsImage *in, VipsImage **out)
{
	return vips_extract_band(in, out, 0, "n", in->Bands - 1, NULL);
}

int sk_sharpen(VipsImage *in, VipsImage **out, double amount)
{
	return vips_sharpen(in, out, "sigma", 0.7, "m1", 0.0, "m2", 3.0 * amount, NULL);
}

int sk_embed(VipsImage *in, VipsImage **out, int left, int top, int width, int height)
{
	return vips_embed(in, out, left, top, width, height, NULL);
}

int sk_replicate(VipsImage *in, VipsImage **out, int across, int down)
{
	return vips_replicate(in, out, across, down, NULL);
}

int sk_insert(VipsImage *in, VipsImage *part, VipsImage **out, int left, int top)
{
	return vips_insert(in, part, out, left, top, NULL);
}

int sk_over(VipsImage *in, VipsImage *top, VipsImage **out)
{
	VipsImage *t = NULL;
	if (vips_composite2(in, top, &t, VIPS_BLEND_MODE_OVER, NULL))
		return -1;
	int r = sk_uchar(t, out);
	g_object_unref(t);
	return r;
}

int sk_text(VipsImage **out, const char *text, const char *font, int dpi)
{
	return vips_text(out, text, "font", font, "dpi", dpi, NULL);
}

int sk_dye(VipsImage *mask, VipsImage **out, double r, double g, double b)
{
	double colour[3] = { r, g, b };
	double none[3] = { 0, 0, 0 };
	VipsImage *base = NULL;
	if (vips_linear(mask, &base, none, colour, 3, "uchar", TRUE, NULL))
		return -1;
	VipsImage *t = NULL;
	int failed = vips_bandjoin2(base, mask, &t, NULL);
	g_object_unref(base);
	if (failed)
		return -1;
	failed = vips_copy(t, out, "interpretation", VIPS_INTERPRETATION_sRGB, NULL);
	g_object_unref(t);
	return failed;
}

int sk_copy(VipsImage *in, VipsImage **out) { return vips_copy(in, out, NULL); }
