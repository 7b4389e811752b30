#include <stdlib.h>
#include <sys/mman.h>

#include "config.h"

/* Apart from what reads the text: who has compiled rules needs neither libconfuse nor PCRE2. */
void realip_config_free(struct realip_config **config)
{
    if (*config == NULL)
        return;
    for (unsigned set = 0; set < REALIP_SET_COUNT; set++)
        realip_network_set_free(&(*config)->rules.sets[set]);
    if ((*config)->client_names != NULL)
        (*config)->free_client_names(&(*config)->client_names);
    realip_problems_clear(&(*config)->warnings);
    realip_arena_clear(&(*config)->arena);
    if ((*config)->mapping != NULL)
        munmap((void *)(uintptr_t)(*config)->mapping, (*config)->mapping_size);
    free(*config);
    *config = NULL;
}
