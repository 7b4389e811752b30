#include "near_word.h"

#include <string.h>

#define LONGEST 31
#define FAR 99U

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned realip_near_word_distance(const char *a, const char *b)
{
    unsigned row[LONGEST + 1];
    size_t length = strlen(b);

    if (strlen(a) > LONGEST || length > LONGEST)
        return FAR;
    for (unsigned i = 0; i <= length; i++)
        row[i] = i;
    for (unsigned i = 1; a[i - 1] != '\0'; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned k = 1; k <= length; k++) {
            unsigned changed = diagonal + (a[i - 1] != b[k - 1]);

            diagonal = row[k];
            row[k] = smaller(changed, smaller(row[k], row[k - 1]) + 1);
        }
    }
    return row[length];
}
