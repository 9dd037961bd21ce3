/* mobilenet/version.h */
#include <mobilenet/version.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

#if defined(MBNI_BLAS_OPENBLAS)
#define PRODUCT "openblas"
#else
#define PRODUCT "none"
#endif

#if defined(__clang__)
#define COMPILER "clang " TEXT(__clang_major__) "." TEXT(__clang_minor__) "." TEXT(__clang_patchlevel__)
#elif defined(__GNUC__)
#define COMPILER "gcc " TEXT(__GNUC__) "." TEXT(__GNUC_MINOR__) "." TEXT(__GNUC_PATCHLEVEL__)
#else
#define COMPILER "unknown compiler"
#endif

MBN_API int32_t mbn_version(void)
{
    return MBN_VERSION_MAJOR * 10000 + MBN_VERSION_MINOR * 100 + MBN_VERSION_PATCH;
}

MBN_API const char *mbn_version_string(void)
{
    return TEXT(MBN_VERSION_MAJOR) "." TEXT(MBN_VERSION_MINOR) "." TEXT(MBN_VERSION_PATCH);
}

MBN_API const char *mbn_build_info(void)
{
    return "matrix product " PRODUCT ", compiler " COMPILER;
}
