/* Convolution, forward. A 1 x 1 kernel with stride 1 multiplies the pixels as they stand; few channels, those
 * of pictures, are read straight from the picture; any other kernel is unrolled into columns (im2col;
 * Chellapilla et al. 2006), some pictures at a time so that the columns stay in bounds. */
#include "layers/common.h"
#include <math.h>

/* More filters than this leave the direct kernel nothing over a product. */
enum { DIRECT_FILTERS = 512 };

static void defaults(mbni_layer *layer)
{
    layer->config.conv2d = (mbn_conv2d_options){
        .kernel_height = 3, .kernel_width = 3, .stride_height = 1, .stride_width = 1, .use_bias = 1};
}

static mbni_window_options window_options(const mbni_layer *layer)
{
    const mbn_conv2d_options *o = &layer->config.conv2d;
    return (mbni_window_options){
        "kernel", 64, o->kernel_height, o->kernel_width, o->stride_height, o->stride_width, o->padding};
}

mbni_window mbni_conv2d_window(const mbni_layer *layer)
{
    mbni_window_options options = window_options(layer);
    return mbni_layer_window(layer, &options, 1);
}

bool mbni_conv2d_is_pointwise(const mbni_window *w)
{
    return w->kernel_h == 1 && w->kernel_w == 1 && w->stride_h == 1 && w->stride_w == 1;
}

bool mbni_conv2d_is_direct(const mbni_window *w, int64_t filters)
{
    return !mbni_conv2d_is_pointwise(w) && w->kernel_h * w->kernel_w * w->channels <= MBNI_CONV2D_VOLUME &&
           filters <= DIRECT_FILTERS;
}

/* Numbers that one picture's columns hold: kernel volume per output pixel. */
static int64_t column_floats(const mbni_window *w)
{
    return w->out_h * w->out_w * w->kernel_h * w->kernel_w * w->channels;
}

static mbn_status infer_shape(mbni_layer *layer)
{
    const mbn_conv2d_options *o = &layer->config.conv2d;
    mbni_window_options window = window_options(layer);
    layer->param_count = 0;
    MBNI_TRY(mbni_check_l2(layer, o->l2));
    MBNI_TRY(mbni_check_integer(layer, "filters", o->filters, 1, MBNI_LAYER_MAX_CHANNELS));
    MBNI_TRY(mbni_check_integer(layer, "use_bias", o->use_bias, 0, 1));
    MBNI_TRY(mbni_check_initializer(layer, o->initializer));
    MBNI_TRY(mbni_check_integer(layer, "reserved", o->reserved, 0, 0));
    MBNI_TRY(mbni_check_window(layer, &window, o->filters));
    const int64_t dims[4] = {o->kernel_height, o->kernel_width, layer->in.dims[2], o->filters};
    mbni_layer_add_kernel(layer, "kernel", dims, o->initializer, o->l2);
    if (o->use_bias)
        mbni_layer_add_bias(layer, o->filters);
    MBNI_TRY(mbni_check_sizes(layer));
    int64_t columns, products;
    const int64_t sizes[4] = {layer->out.dims[0] * layer->out.dims[1], dims[0], dims[1], dims[2]};
    if (!mbni_product(4, sizes, &columns) || !mbni_mul(columns, o->filters, &products))
        return mbni_layer_error(layer, MBN_ERR_MEMORY, "the multiply-adds of one picture exceed 2^62");
    return MBN_OK;
}

static mbn_status describe(mbni_layer *layer, mbni_fields *fields)
{
    mbn_conv2d_options *o = &layer->config.conv2d;
    MBNI_TRY(fields->real(fields, "l2", &o->l2));
    MBNI_TRY(fields->integer(fields, "filters", &o->filters));
    MBNI_TRY(mbni_describe_int32(layer, fields, "kernel_height", &o->kernel_height));
    MBNI_TRY(mbni_describe_int32(layer, fields, "kernel_width", &o->kernel_width));
    MBNI_TRY(mbni_describe_int32(layer, fields, "stride_height", &o->stride_height));
    MBNI_TRY(mbni_describe_int32(layer, fields, "stride_width", &o->stride_width));
    MBNI_TRY(mbni_describe_int32(layer, fields, "padding", &o->padding));
    MBNI_TRY(mbni_describe_int32(layer, fields, "use_bias", &o->use_bias));
    return mbni_describe_int32(layer, fields, "initializer", &o->initializer);
}

static int64_t multiply_adds(const mbni_layer *layer)
{
    mbni_window window = mbni_conv2d_window(layer);
    return column_floats(&window) * layer->config.conv2d.filters;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Columns, and in training also the partial sums of the gradients, each at another time. */
static int64_t workspace_floats(const mbni_layer *layer, int64_t batch, int32_t training)
{
    mbni_window window = mbni_conv2d_window(layer);
    int64_t filters = layer->config.conv2d.filters, picture = column_floats(&window);
    int64_t rows = mbni_saturating_mul(batch, window.out_h * window.out_w), floats = 0;
    bool pointwise = mbni_conv2d_is_pointwise(&window), direct = mbni_conv2d_is_direct(&window, filters);
    if (!pointwise && (training || !direct))
        floats = mbni_saturating_mul(mbni_group_pictures(batch, picture), picture);
    if (training && pointwise)
        floats = mbni_matmul_gradient_floats(window.channels, filters, rows);
    if (training && direct)
        floats = larger(floats, MBNI_PICTURE_PARTIALS * layer->params[0].count);
    if (training && layer->config.conv2d.use_bias)
        floats = larger(floats, mbni_bias_floats(rows, filters));
    return floats;
}

static void columns_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    const mbni_window *w = &work->window;
    int64_t picture = i / work->parts, part = i % work->parts;
    int64_t begin = mbni_part_begin(w->out_h, work->parts, part);
    int64_t end = mbni_part_begin(w->out_h, work->parts, part + 1);
    int64_t row = column_floats(w) / w->out_h;
    work->pass->kernels->im2col(w, work->x + picture * w->in_h * w->in_w * w->channels,
                                work->out + (picture * w->out_h + begin) * row, begin, end);
}

void mbni_conv2d_columns(const mbni_layer *layer, const mbni_pass *pass, const mbni_window *window,
                         int64_t pictures, const float *x, float *columns)
{
    mbni_work work = {.layer = layer, .pass = pass, .window = *window, .x = x, .out = columns};
    work.parts = mbni_picture_parts(pictures, window->out_h, column_floats(window) / window->out_h);
    mbni_parallel(pass->context, pictures * work.parts, columns_task, &work);
}

static void direct_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    const mbni_window *w = &work->window;
    const mbni_epilogue epilogue = {.shift = work->bias, .low = -INFINITY, .high = INFINITY};
    int64_t filters = work->channels;
    mbni_piece piece = mbni_work_piece(work, i);
    work->pass->kernels->conv2d(w, filters, piece.pictures,
                                work->x + piece.first * w->in_h * w->in_w * w->channels,
                                work->layer->params[0].value, work->bias ? &epilogue : NULL,
                                work->out + piece.first * w->out_h * w->out_w * filters, piece.row_begin,
                                piece.row_end, piece.moments);
}

static void columns_forward(const mbni_layer *layer, const mbni_pass *pass, const mbni_window *w,
                            const float *x, const float *bias, float *y)
{
    int64_t volume = w->kernel_h * w->kernel_w * w->channels, filters = layer->config.conv2d.filters;
    int64_t picture_floats = w->in_h * w->in_w * w->channels, pixels = w->out_h * w->out_w;
    int64_t group = mbni_group_pictures(pass->batch, column_floats(w));
    for (int64_t first = 0; first < pass->batch; first += group) {
        int64_t pictures = mbni_clamp(pass->batch - first, 1, group);
        mbni_conv2d_columns(layer, pass, w, pictures, x + first * picture_floats, pass->workspace);
        mbni_pass_product(pass, pictures * pixels, filters, volume, pass->workspace, layer->params[0].value,
                          bias, y + first * pixels * filters);
    }
    if (pass->moments && group < pass->batch)
        pass->moments->parts = 0; /* they are of the last group alone */
}

static void forward(const mbni_layer *layer, const mbni_pass *pass, const float *x, float *y)
{
    mbni_window window = mbni_layer_sliding_window(layer, pass->padding);
    const float *kernel = layer->params[0].value;
    const float *bias = layer->config.conv2d.use_bias ? layer->params[1].value : NULL;
    int64_t filters = layer->config.conv2d.filters, pixels = window.out_h * window.out_w;
    if (mbni_conv2d_is_pointwise(&window)) {
        mbni_pass_product(pass, pass->batch * pixels, filters, window.channels, x, kernel, bias, y);
    } else if (mbni_conv2d_is_direct(&window, filters)) {
        mbni_work work = {.layer = layer,
                          .pass = pass,
                          .window = window,
                          .channels = filters,
                          .x = x,
                          .bias = bias,
                          .out = y};
        mbni_run_pieces(&work, pass->batch, pass->moments, direct_task);
    } else {
        columns_forward(layer, pass, &window, x, bias, y);
    }
}

const mbni_layer_ops mbni_conv2d_ops = {
    .type = "conv2d",
    .class_name = "Conv2D",
    .flags = MBNI_LAYER_NEEDS_X | MBNI_LAYER_TAKES_PADDING,
    .defaults = defaults,
    .infer_shape = infer_shape,
    .describe = describe,
    .multiply_adds = multiply_adds,
    .workspace_floats = workspace_floats,
    .forward = forward,
};
