/* The model's edge: pictures of a tensor are checked, converted to f32 and put channels last. */
#include "model/model.h"
#include <string.h>

mbn_status mbni_model_check_input(const mbn_model *model, const mbn_tensor *x, const char *argument)
{
    char given[MBNI_DIMS_TEXT];
    if (!x)
        return mbni_error(MBN_ERR_ARGUMENT, "argument %s is NULL; pictures are needed", argument);
    if (model->layer_count == 0)
        return mbni_error(MBN_ERR_STATE, "the model has no input; call mbn_model_add_input first");
    if (x->type != MBN_F32 && x->type != MBN_U8)
        return mbni_error(MBN_ERR_TYPE, "argument %s is %s; allowed are u8 and f32", argument,
                          mbni_type_name(x->type));
    const int64_t *dims = model->input_dims;
    if (x->rank != 4 || memcmp(x->dims + 1, dims, sizeof model->input_dims))
        return mbni_error(MBN_ERR_SHAPE, "argument %s is %s; allowed are [n, %lld, %lld, %lld]", argument,
                          mbni_dims_text(given, x->rank, x->dims), (long long)dims[0], (long long)dims[1],
                          (long long)dims[2]);
    if (x->type == MBN_U8 && model->preprocessing == MBN_PREPROCESSING_NONE)
        return mbni_error(MBN_ERR_STATE,
                          "argument %s is u8, and the model does not know how such pictures become numbers; "
                          "call mbn_model_set_preprocessing or give f32",
                          argument);
    return MBN_OK;
}

/* A plane of one channel at a time, in pieces, so that the numbers come from the same kernel as channels
 * last. */
static void scatter_planes(const mbni_gather *g, const uint8_t *planes, float *out)
{
    float piece[1024];
    const int64_t length = (int64_t)(sizeof piece / sizeof *piece);
    for (int64_t c = 0; c < g->channels; c++)
        for (int64_t begin = 0; begin < g->pixels; begin += length) {
            int64_t count = g->pixels - begin < length ? g->pixels - begin : length;
            g->kernels->convert_u8(count, planes + c * g->pixels + begin, g->scale, g->offset, piece);
            for (int64_t i = 0; i < count; i++)
                out[(begin + i) * g->channels + c] = piece[i];
        }
}

void mbni_gather_picture(const mbni_gather *g, int64_t index)
{
    const mbni_feed *feed = g->feed;
    const void *picture = feed->pixels(feed->self, g->place + index);
    int64_t count = g->pixels * g->channels;
    bool planes = feed->planes && g->channels > 1;
    float *out = g->out + index * count;
    if (feed->type == MBN_U8 && planes)
        scatter_planes(g, picture, out);
    else if (feed->type == MBN_U8)
        g->kernels->convert_u8(count, picture, g->scale, g->offset, out);
    else if (planes)
        g->kernels->transpose(g->channels, g->pixels, picture, out);
    else
        memcpy(out, picture, (size_t)count * sizeof *out);
}

static void gather_task(void *data, int64_t index)
{
    mbni_gather_picture(data, index);
}

void mbni_preprocessing_numbers(int32_t preprocessing, float *scale, float *offset)
{
    *scale = preprocessing == MBN_PREPROCESSING_SYMMETRIC ? 1 / 127.5f
             : preprocessing == MBN_PREPROCESSING_UNIT    ? 1 / 255.0f
                                                          : 1;
    *offset = preprocessing == MBN_PREPROCESSING_SYMMETRIC ? -1 : 0;
}

mbni_gather mbni_model_gather_plan(const mbn_model *model, const mbni_feed *feed, int64_t place,
                                   int64_t count, float *out)
{
    const mbni_shape *shape = &model->layers[0].out;
    mbni_gather g = {.kernels = mbni_kernels_select(model->context->isa),
                     .feed = feed,
                     .place = place,
                     .count = count,
                     .pixels = shape->dims[0] * shape->dims[1],
                     .channels = shape->dims[2],
                     .out = out};
    mbni_preprocessing_numbers(model->preprocessing, &g.scale, &g.offset);
    return g;
}

void mbni_model_gather(const mbn_model *model, const mbni_feed *feed, int64_t place, int64_t count,
                       float *out)
{
    mbni_gather g = mbni_model_gather_plan(model, feed, place, count, out);
    mbni_parallel(model->context, count, gather_task, &g);
}

mbni_feed mbni_model_pictures(const mbn_model *model, const mbn_tensor *x, mbni_tensors *tensors)
{
    *tensors = (mbni_tensors){.x = x};
    return mbni_tensors_feed(tensors, model->data_format == MBN_CHANNELS_FIRST);
}
