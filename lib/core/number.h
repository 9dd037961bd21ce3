/* Numbers as text, with a point whatever the process' locale. */
#ifndef MBNI_CORE_NUMBER_H
#define MBNI_CORE_NUMBER_H

#include <stdint.h>

enum { MBNI_NUMBER_BYTES = 352 };

/* The fewest digits that give the number again. */
void mbni_number_shortest(double value, char text[MBNI_NUMBER_BYTES]);
/* So many decimals, 0 to 17. */
void mbni_number_fixed(double value, int decimals, char text[MBNI_NUMBER_BYTES]);

#endif
