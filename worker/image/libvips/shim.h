// What of libvips is called: its functions take a varying number of arguments, which
// cgo cannot call. Each returns 0, or -1 with the reason in libvips's error buffer.
#include <vips/vips.h>

// A watch ends evaluation when its time is over or its end is asked for.
typedef struct {
	gint64 deadline; // of g_get_monotonic_time, µs; 0 is none
	gint ended;      // atomic: 1 asked to end, 2 out of time
} sk_watch;

int sk_start(void);
void sk_free(void *p);
int sk_find(const char *operation);

int sk_pages(VipsImage *in, int *pages);

sk_watch *sk_watch_new(gint64 microseconds);
void sk_watch_end(sk_watch *w);
int sk_watch_ended(sk_watch *w);
void sk_watch_on(sk_watch *w, VipsImage *image);

int sk_load_jpeg(const char *file, int shrink, int whole, VipsImage **out);
int sk_load_webp(const char *file, double scale, int whole, VipsImage **out);
int sk_load(int format, const char *file, int whole, VipsImage **out);

int sk_save_jpeg(VipsImage *in, const char *file, int quality, int progressive, int strip);
int sk_save_png(VipsImage *in, const char *file, int effort, int strip);
int sk_save_webp(VipsImage *in, const char *file, int quality, int lossless, int effort, int strip);
int sk_save_avif(VipsImage *in, const char *file, int quality, int lossless, int effort, int strip);

int sk_resize(VipsImage *in, VipsImage **out, double across, double down);
int sk_shortens(VipsImage *in, double across);
int sk_resize_fast(VipsImage *in, VipsImage **out, int width, double down);
int sk_crop(VipsImage *in, VipsImage **out, int left, int top, int width, int height);
int sk_smartcrop(VipsImage *in, VipsImage **out, int width, int height);
int sk_autorot(VipsImage *in, VipsImage **out);
int sk_quarter(VipsImage *in, VipsImage **out, int quarters);
int sk_rotate(VipsImage *in, VipsImage **out, double degrees, double *background, int n);
int sk_premultiply(VipsImage *in, VipsImage **out);
int sk_unpremultiply(VipsImage *in, VipsImage **out);
int sk_uchar(VipsImage *in, VipsImage **out);
int sk_srgb(VipsImage *in, VipsImage **out);
int sk_icc(VipsImage *in, VipsImage **out);
int sk_flatten(VipsImage *in, VipsImage **out, double *background, int n);
int sk_add_alpha(VipsImage *in, VipsImage **out);
int sk_mix(VipsImage *in, VipsImage **out, double *matrix, double *add, int n);
int sk_opacity(VipsImage *in, VipsImage **out, double opacity);
int sk_drop_alpha(VipsImage *in, VipsImage **out);
int sk_sharpen(VipsImage *in, VipsImage **out, double amount);
int sk_embed(VipsImage *in, VipsImage **out, int left, int top, int width, int height);
int sk_replicate(VipsImage *in, VipsImage **out, int across, int down);
int sk_insert(VipsImage *in, VipsImage *part, VipsImage **out, int left, int top);
int sk_over(VipsImage *in, VipsImage *top, VipsImage **out);
int sk_text(VipsImage **out, const char *text, const char *font, int dpi);
int sk_dye(VipsImage *mask, VipsImage **out, double r, double g, double b);
int sk_copy(VipsImage *in, VipsImage **out);
