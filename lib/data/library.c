/* Functions of shared libraries that are opened when they are first needed; absent where no format wants one.
 */
#include "data/image.h"

#if defined(MBNI_HAVE_PNG) || defined(MBNI_HAVE_JPEG)
#include <dlfcn.h>

const char *mbni_library_load(const char *library, int count, const char *const *names, void **functions)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return "it is not installed";
    for (int i = 0; i < count; i++) {
        functions[i] = dlsym(handle, names[i]);
        if (!functions[i]) {
            dlclose(handle);
            return names[i];
        }
    }
    return NULL;
}
#endif
