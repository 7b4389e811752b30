/* mmdb_file - writes a database that libmaxminddb reads (MaxMind DB File Format 2.0): a prefix tree with one record. */
#ifndef REALIP_BENCH_MMDB_FILE_H
#define REALIP_BENCH_MMDB_FILE_H

#include "core/network_set.h"

/* All networks are of one family. Ends the program when the file can't be written. */
void bench_mmdb_write(const char *path, const struct realip_network_entry *entries, size_t count, enum realip_family family);

#endif
