package image

// #cgo pkg-config: vips
// #include <vips/vips.h>
import "C"

import (
	"sync"

	"github.com/davidbyttow/govips/v2/vips"
)

// startup starts libvips: one thread an item, since slots are what runs side
// by side; no cache, since no photo is seen twice; and no loaders that its
// authors do not trust with what strangers send.
var startup = sync.OnceValue(func() error {
	vips.LoggingSettings(func(string, vips.LogLevel, string) {}, vips.LogLevelError) // reasons come as errors
	err := vips.Startup(&vips.Config{ConcurrencyLevel: 1})
	if err != nil {
		return err
	}
	C.vips_block_untrusted_set(1)
	return nil
})
