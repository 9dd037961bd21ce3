/* The first and only process of the emulated machine of tests/cross/avx512.sh: runs the programs /test/1,
 * /test/2, ... one after the other, prints how each ended, and switches the machine off. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    mount("proc", "/proc", "proc", 0, NULL); /* the library asks it nothing that must be there */
    for (int i = 1;; i++) {
        char program[32];
        snprintf(program, sizeof program, "/test/%d", i);
        if (access(program, X_OK))
            break;
        const pid_t child = fork();
        if (child == 0) {
            execl(program, program, (char *)NULL);
            _exit(127);
        }
        int status = -1;
        if (child > 0)
            waitpid(child, &status, 0);
        printf("%s ended with status %d\n", program, status);
        fflush(stdout);
    }
    sleep(1); /* the serial line is slower than the processor */
    reboot(RB_POWER_OFF);
    return 1;
}
