/* Option structs of other ages against the shared library: each struct is handed over as an older program has
 * it (cut after any field), and as a newer one has it (a field appended). Older ones work with the defaults
 * for what they lack and nothing is written behind their end; newer ones work while the appended field is
 * zero and are refused else. Compiled and run by tests/abi/run.sh, without Check, as a user's program would
 * be. */
#define _GNU_SOURCE /* mkdtemp */
#include <mobilenet/mobilenet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int passed, failed;

static void expect(int claim, const char *what, size_t size, const char *detail)
{
    if (claim) {
        passed++;
        return;
    }
    failed++;
    printf("abi: %s of %zu bytes: %s (%s)\n", what, size, detail, mbn_last_error());
}

/* What the uses below work on: a chain that ends in a softmax over three classes, and four pictures. */
static mbn_model *model;
static mbn_tensor *pictures, *labels;

static mbn_status use_context(const void *options)
{
    mbn_context *context = NULL;
    mbn_status status = mbn_context_create((const mbn_context_options *)options, &context);
    mbn_context_destroy(context);
    return status;
}

static mbn_status use_mobilenet(const void *options)
{
    mbn_model *built = NULL;
    mbn_status status = mbn_mobilenet_create(NULL, (const mbn_mobilenet_options *)options, &built);
    mbn_model_destroy(built);
    return status;
}

static mbn_status use_compile(const void *options)
{
    return mbn_compile(model, (const mbn_compile_options *)options);
}

static mbn_status use_fit(const void *options)
{
    return mbn_fit(model, pictures, labels, (const mbn_fit_options *)options, NULL);
}

static mbn_status use_schedule(const void *options)
{
    double rate;
    return mbn_schedule_rate((const mbn_schedule_options *)options, 0, &rate);
}

#define USE_CALLBACK(kind, create)                                                          \
    static mbn_status use_##kind(const void *options)                                       \
    {                                                                                       \
        mbn_callback *callback = NULL;                                                      \
        mbn_status status = create(NULL, (const mbn_##kind##_options *)options, &callback); \
        mbn_callback_destroy(callback);                                                     \
        return status;                                                                      \
    }
USE_CALLBACK(callback, mbn_callback_create)
USE_CALLBACK(early_stopping, mbn_early_stopping_create)
USE_CALLBACK(reduce_on_plateau, mbn_reduce_on_plateau_create)
USE_CALLBACK(learning_rate_scheduler, mbn_learning_rate_scheduler_create)
USE_CALLBACK(progress, mbn_progress_create)

/* These want a path that is text. */
#define USE_CALLBACK_WITH_PATH(kind, create)                                                \
    static mbn_status use_##kind(const void *options)                                       \
    {                                                                                       \
        static const char path[] = "log";                                                   \
        static const char *const lent = path;                                               \
        unsigned char copy[sizeof(mbn_##kind##_options) + 16];                              \
        size_t size;                                                                        \
        mbn_callback *callback = NULL;                                                      \
        memcpy(&size, options, sizeof size);                                                \
        if (size >= sizeof size + sizeof lent && size <= sizeof copy) {                     \
            memcpy(copy, options, size);                                                    \
            memcpy(copy + offsetof(mbn_##kind##_options, path), &lent, sizeof lent);        \
            options = copy;                                                                 \
        }                                                                                   \
        mbn_status status = create(NULL, (const mbn_##kind##_options *)options, &callback); \
        mbn_callback_destroy(callback);                                                     \
        return status;                                                                      \
    }
USE_CALLBACK_WITH_PATH(csv_logger, mbn_csv_logger_create)
USE_CALLBACK_WITH_PATH(model_checkpoint, mbn_model_checkpoint_create)

static mbn_status use_save(const void *options)
{
    mbn_tensor *bytes = NULL;
    mbn_status status = mbn_model_save_memory(model, (const mbn_save_options *)options, &bytes);
    mbn_tensor_destroy(bytes);
    return status;
}

/* A chain with one layer of the kind that takes these options. */
#define USE_LAYER(kind)                                                     \
    static mbn_status use_##kind(const void *options)                       \
    {                                                                       \
        mbn_model *chain = NULL;                                            \
        mbn_status status = mbn_model_create(NULL, &chain);                 \
        mbn_model_add_input(chain, 8, 8, 3);                                \
        mbn_model_add_##kind(chain, (const mbn_##kind##_options *)options); \
        status = status ? status : mbn_model_build(chain);                  \
        mbn_model_destroy(chain);                                           \
        return status;                                                      \
    }
USE_LAYER(conv2d)
USE_LAYER(depthwise_conv2d)
USE_LAYER(separable_conv2d)
USE_LAYER(batch_norm)
USE_LAYER(relu)
USE_LAYER(zero_padding2d)
USE_LAYER(average_pooling2d)
USE_LAYER(dense)

static mbn_status use_predictor(const void *options)
{
    mbn_predictor *predictor = NULL;
    mbn_status status = mbn_predictor_create(model, (const mbn_predictor_options *)options, &predictor);
    mbn_predictor_destroy(predictor);
    return status;
}

static mbn_status use_augment(const void *options)
{
    mbn_tensor *changed = NULL;
    mbn_status status = mbn_tensor_create(NULL, MBN_U8, 4, mbn_tensor_dims(pictures), &changed);
    if (!status)
        status = mbn_augment(NULL, (const mbn_augment_options *)options, 1, pictures, NULL, changed, NULL);
    mbn_tensor_destroy(changed);
    return status;
}

static int32_t read_nothing(void *user, int64_t index, void *target, size_t bytes, int32_t *label)
{
    (void)user, (void)index, (void)target, (void)bytes;
    *label = 0;
    return 0;
}

static mbn_status use_dataset_callback(const void *options)
{
    mbn_dataset *dataset = NULL;
    mbn_status status =
        mbn_dataset_from_callback(NULL, (const mbn_dataset_callback_options *)options, &dataset);
    mbn_dataset_destroy(dataset);
    return status;
}

/* A tree with one picture, made by main. */
static char folder[] = "/tmp/abi_options_XXXXXX";

static mbn_status use_directory(const void *options)
{
    mbn_dataset *dataset = NULL;
    mbn_status status = mbn_dataset_directory(NULL, folder, (const mbn_directory_options *)options, &dataset);
    mbn_dataset_destroy(dataset);
    return status;
}

static int make_folder(void)
{
    char path[sizeof folder + 8];
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a", folder);
    if (mkdir(path, 0700))
        return -1;
    snprintf(path, sizeof path, "%s/a/x.pgm", folder);
    FILE *file = fopen(path, "wb");
    return file && fputs("P5 1 1 255\n.", file) >= 0 && !fclose(file) ? 0 : -1;
}

static void remove_folder(void)
{
    char path[sizeof folder + 8];
    snprintf(path, sizeof path, "%s/a/x.pgm", folder);
    remove(path);
    snprintf(path, sizeof path, "%s/a", folder);
    remove(path);
    remove(folder);
}

/* Structs that the library fills. */
static mbn_status use_step_info(const void *info)
{
    mbn_predictor *predictor = NULL;
    mbn_status status = mbn_predictor_create(model, NULL, &predictor);
    if (!status)
        status = mbn_predictor_step_info(predictor, 0, (mbn_step_info *)(uintptr_t)info);
    mbn_predictor_destroy(predictor);
    return status;
}
static mbn_status use_layer_info(const void *info)
{
    return mbn_model_layer_info(model, 1, (mbn_layer_info *)(uintptr_t)info);
}

#define INIT(kind)                                                   \
    static void init_##kind(void *options, size_t struct_size)       \
    {                                                                \
        mbn_##kind##_init_sized((mbn_##kind *)options, struct_size); \
    }
INIT(context_options)
INIT(mobilenet_options)
INIT(compile_options)
INIT(fit_options)
INIT(schedule_options)
INIT(callback_options)
INIT(early_stopping_options)
INIT(reduce_on_plateau_options)
INIT(learning_rate_scheduler_options)
INIT(progress_options)
INIT(csv_logger_options)
INIT(model_checkpoint_options)
INIT(save_options)
INIT(conv2d_options)
INIT(depthwise_conv2d_options)
INIT(separable_conv2d_options)
INIT(batch_norm_options)
INIT(relu_options)
INIT(zero_padding2d_options)
INIT(average_pooling2d_options)
INIT(dense_options)
INIT(layer_info)
INIT(predictor_options)
INIT(augment_options)
INIT(step_info)

/* With those required fields that are not the last one, when they are there. */
static void init_dataset_callback_options(void *options, size_t struct_size)
{
    mbn_dataset_callback_options *known = options;
    mbn_dataset_callback_options_init_sized(known, struct_size);
    if (struct_size < offsetof(mbn_dataset_callback_options, width) + sizeof known->width)
        return;
    known->read = read_nothing;
    known->height = known->width = 8;
}

static void init_directory_options(void *options, size_t struct_size)
{
    mbn_directory_options *known = options;
    mbn_directory_options_init_sized(known, struct_size);
    if (struct_size >= offsetof(mbn_directory_options, height) + sizeof known->height)
        known->height = 8;
}

typedef struct kind {
    const char *name;
    void (*init)(void *options, size_t struct_size);
    size_t size;
    size_t required; /* offset of a number without a default (any bits but 0 will do); 0: none */
    mbn_status (*use)(const void *options);
    int filled_by_library;
} kind;

#define KIND(name, required_offset)                                                                    \
    {                                                                                                  \
        "mbn_" #name "_options", init_##name##_options, sizeof(mbn_##name##_options), required_offset, \
            use_##name, 0                                                                              \
    }
static const kind kinds[] = {
    KIND(context, 0),
    KIND(mobilenet, 0),
    KIND(compile, 0),
    KIND(fit, 0),
    KIND(callback, 0),
    KIND(early_stopping, 0),
    KIND(reduce_on_plateau, 0),
    KIND(csv_logger, offsetof(mbn_csv_logger_options, path)),
    KIND(model_checkpoint, offsetof(mbn_model_checkpoint_options, path)),
    KIND(learning_rate_scheduler, offsetof(mbn_learning_rate_scheduler_options, rate)),
    KIND(progress, offsetof(mbn_progress_options, progress)),
    KIND(schedule, offsetof(mbn_schedule_options, learning_rate)),
    KIND(save, 0),
    KIND(predictor, 0),
    KIND(augment, 0),
    KIND(conv2d, offsetof(mbn_conv2d_options, filters)),
    KIND(depthwise_conv2d, 0),
    KIND(separable_conv2d, offsetof(mbn_separable_conv2d_options, filters)),
    KIND(batch_norm, 0),
    KIND(relu, 0),
    KIND(zero_padding2d, 0),
    KIND(average_pooling2d, 0),
    KIND(dense, offsetof(mbn_dense_options, units)),
    KIND(directory, offsetof(mbn_directory_options, width)),
    KIND(dataset_callback, offsetof(mbn_dataset_callback_options, classes)),
    {"mbn_layer_info", init_layer_info, sizeof(mbn_layer_info), 0, use_layer_info, 1},
    {"mbn_step_info", init_step_info, sizeof(mbn_step_info), 0, use_step_info, 1},
};

enum { GUARD = 64, FILL = 0xA5 };

static int guard_is_whole(const unsigned char *bytes)
{
    for (int i = 0; i < GUARD; i++)
        if (bytes[i] != FILL)
            return 0;
    return 1;
}

/* The struct at this size, initialised; its memory ends in a guard. */
static unsigned char *make(const kind *k, size_t size)
{
    unsigned char *memory = malloc(size + GUARD);
    if (!memory)
        abort();
    memset(memory, FILL, size + GUARD);
    k->init(memory, size);
    const int64_t three = 3;
    if (k->required && size >= k->required + sizeof three)
        memcpy(memory + k->required, &three, sizeof three);
    return memory;
}

/* A smaller (older) or equal struct. */
static void check_older(const kind *k, size_t size)
{
    unsigned char *memory = make(k, size);
    size_t recorded;
    memcpy(&recorded, memory, sizeof recorded);
    expect(recorded == size, k->name, size, "init recorded another size");
    expect(guard_is_whole(memory + size), k->name, size, "init wrote behind its end");
    mbn_status status = k->use(memory);
    if (k->required && size < k->required + sizeof(int64_t))
        expect(status == MBN_ERR_ARGUMENT, k->name, size, "accepted without its required field");
    else
        expect(status == MBN_OK, k->name, size, "refused");
    expect(guard_is_whole(memory + size), k->name, size, "the call wrote behind its end");
    free(memory);
}

/* A larger (newer) struct: the appended part zero, then one bit of its first and of its last byte set. */
static void check_newer(const kind *k)
{
    const size_t size = k->size + 16;
    const size_t places[] = {k->size, size - 1};
    unsigned char *memory = make(k, size);
    for (size_t i = k->size; i < size; i++)
        expect(memory[i] == 0, k->name, size, "init left the appended part as it was");
    expect(k->use(memory) == MBN_OK, k->name, size, "refused although the appended part is zero");
    for (int i = 0; i < 2 && !k->filled_by_library; i++) {
        memory[places[i]] = 1;
        expect(k->use(memory) == MBN_ERR_ARGUMENT, k->name, size, "accepted with an unknown field set");
        expect(strstr(mbn_last_error(), "struct") != NULL || strstr(mbn_last_error(), "options") != NULL,
               k->name, size, "the message does not speak of the struct");
        memory[places[i]] = 0;
    }
    expect(guard_is_whole(memory + size), k->name, size, "the call wrote behind its end");
    free(memory);
}

/* Sizes that no version of the struct has: as left by a program that never called init. */
static void check_wrong(const kind *k)
{
    const size_t sizes[] = {0, sizeof(size_t) - 1, 1000000, (size_t)-1};
    unsigned char *memory = make(k, k->size);
    for (int i = 0; i < 4; i++) {
        memcpy(memory, &sizes[i], sizeof sizes[i]);
        expect(k->use(memory) == MBN_ERR_ARGUMENT, k->name, sizes[i], "accepted a wrong struct_size");
    }
    free(memory);
}

static mbn_status prepare(void)
{
    static unsigned char pixels[4 * 8 * 8 * 3];
    static int32_t ids[4] = {0, 1, 2, 1};
    const int64_t shape[4] = {4, 8, 8, 3}, count[1] = {4};
    mbn_dense_options dense;
    mbn_dense_options_init(&dense);
    dense.units = 3;
    mbn_status status = mbn_model_create(NULL, &model);
    mbn_model_add_input(model, 8, 8, 3);
    mbn_model_add_global_average_pooling2d(model, NULL);
    mbn_model_add_dense(model, &dense);
    mbn_model_add_softmax(model, NULL);
    status = status ? status : mbn_model_build(model);
    status = status ? status : mbn_model_set_preprocessing(model, MBN_PREPROCESSING_UNIT);
    status = status ? status : mbn_compile(model, NULL);
    status = status ? status : mbn_tensor_wrap(NULL, MBN_U8, 4, shape, pixels, NULL, NULL, &pictures);
    return status ? status : mbn_tensor_wrap(NULL, MBN_I32, 1, count, ids, NULL, NULL, &labels);
}

int main(void)
{
    if (make_folder()) {
        printf("abi: no folder can be made below /tmp\n");
        return 1;
    }
    if (prepare()) {
        printf("abi: %s\n", mbn_last_error());
        return 1;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        for (size_t size = sizeof(size_t); size <= kinds[i].size; size += 8)
            check_older(&kinds[i], size);
        check_newer(&kinds[i]);
        check_wrong(&kinds[i]);
    }
    mbn_tensor_destroy(labels);
    mbn_tensor_destroy(pictures);
    mbn_model_destroy(model);
    remove_folder();
    mbn_default_context_shutdown();
    printf("abi: option structs of other ages: %d passed, %d failed\n", passed, failed);
    return failed != 0;
}
