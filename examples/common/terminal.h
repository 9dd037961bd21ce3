/* Pictures, bars and tables of the demo on a terminal, in 24-bit colour or in plain ASCII. */
#ifndef EXAMPLES_COMMON_TERMINAL_H
#define EXAMPLES_COMMON_TERMINAL_H

#include <stdint.h>
#include <stdio.h>

enum { TERMINAL_PICTURE = 32, TERMINAL_GAP = 4 }; /* characters across a picture, and between two */

/* One line of a picture u8 [side, side, 3] of up to 32 x 32: two rows of pixels, one above the other. */
static inline void terminal_picture_line(const unsigned char *picture, int side, int line, int colour)
{
    static const char GREYS[] = " .:-=+*#%@";
    for (int column = 0; column < side; column++) {
        const unsigned char *upper = picture + ((2 * line) * side + column) * 3;
        const unsigned char *lower = upper + side * 3;
        if (colour) {
            printf("\033[38;2;%d;%d;%dm\033[48;2;%d;%d;%dm\u2580", upper[0], upper[1], upper[2], lower[0],
                   lower[1], lower[2]);
            continue;
        }
        int grey = 299 * (upper[0] + lower[0]) + 587 * (upper[1] + lower[1]) + 114 * (upper[2] + lower[2]);
        putchar(GREYS[grey / 51001]); /* at most 2 * 255 * 1000 */
    }
    if (colour)
        fputs("\033[0m", stdout);
}

/* "=======.......  64 %" in 20 characters, green where the answer is right and red where it is wrong. */
static inline void terminal_bar(double share, int right, int colour)
{
    enum { WIDTH = 14 };
    int filled = (int)(share * WIDTH + 0.5);
    if (colour)
        fputs(right ? "\033[32m" : "\033[31m", stdout);
    for (int i = 0; i < WIDTH; i++)
        fputs(i < filled ? (colour ? "\u2588" : "=") : (colour ? "\u2591" : "."), stdout);
    printf("%s %3.0f %%", colour ? "\033[0m" : "", 100 * share);
}

/* counts[truth][prediction], 10 x 10. */
static inline void terminal_confusion(int64_t counts[10][10], const char *const names[10])
{
    printf("%-12s", "is \\ seen as");
    for (int k = 0; k < 10; k++)
        printf(" %5.5s", names[k]);
    puts("  right");
    for (int truth = 0; truth < 10; truth++) {
        int64_t all = 0;
        printf("%-12s", names[truth]);
        for (int k = 0; k < 10; k++) {
            all += counts[truth][k];
            if (counts[truth][k])
                printf(" %5lld", (long long)counts[truth][k]);
            else
                printf("     .");
        }
        if (all)
            printf("  %3.0f %%", 100.0 * (double)counts[truth][truth] / (double)all);
        putchar('\n');
    }
}

#endif
