/* near_word - how far a word that somebody typed is from one that is known, for "did you mean". */
#ifndef REALIP_NEAR_WORD_H
#define REALIP_NEAR_WORD_H

/* How many letters must be changed, added or dropped to make one word of the other (Levenshtein). Words of more than 31 letters
 * are far from all of ours: 99 then. */
unsigned realip_near_word_distance(const char *a, const char *b);

#endif
