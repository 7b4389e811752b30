/* vectors - reads the files of tests/vectors; their README tells the format. */
#ifndef REALIP_VECTORS_H
#define REALIP_VECTORS_H

#include <stddef.h>

#define REALIP_VECTOR_LINES 8

struct realip_vector {
    char name[64];
    const char *file;
    unsigned char *bytes; /* on the heap, exactly `length`, where a sanitizer sees a step outside; NULL for none */
    size_t length;
    char *lines[REALIP_VECTOR_LINES]; /* "expect …", "postfix …"; as written */
    size_t line_count;
};

struct realip_vectors {
    struct realip_vector *rows;
    size_t count;
};

/* Reads one file of the folder (below tests/vectors) into *vectors. A file that is not as it should be ends the test. */
void realip_vectors_read(const char *folder, const char *file, struct realip_vectors *vectors);
void realip_vectors_free(struct realip_vectors *vectors);

/* What stands behind `word` and a space in a line of the vector, or NULL. */
const char *realip_vector_line(const struct realip_vector *vector, const char *word);

#endif
