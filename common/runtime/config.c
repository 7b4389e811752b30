#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "config_file.h"
#include "config_listeners.h"
#include "config_networks.h"
#include "config_programs.h"
#include "config_reader.h"
#include "config_suspicion.h"
#include "name_pattern.h"
#include "sources.h"
#include "stamp.h"

static void read_top_level(struct realip_config_reader *reader, const struct realip_config_block *root)
{
    static const struct realip_config_word log_words[] = { { "stderr", REALIP_LOG_STDERR },
                                                           { "journal",
                                                             REALIP_LOG_STDERR }, /* journald reads standard error */
                                                           { "syslog", REALIP_LOG_SYSLOG },
                                                           { NULL, 0 } };
    const struct realip_config_value *user = realip_config_value_at(root, "user", 0);
    int log = REALIP_LOG_STDERR;

    realip_config_listeners_settings(reader, root, &reader->config->rules.fallback);
    realip_config_reader_word(reader, root, "log", log_words, &log);
    reader->config->log = (enum realip_log_target)log;
    reader->config->log_passes = realip_config_reader_bool(reader, root, "log-passes", false);
    const struct realip_config_value *compiled = realip_config_value_at(root, "compiled", 0);
    if (compiled != NULL) {
        reader->config->compiled = compiled->text;
        if (compiled->text[0] != '/')
            realip_problems_add(reader->problems, compiled->origin,
                                "compiled = '%s': write the file's whole path, from /", compiled->text);
    }
    if (user != NULL) {
        reader->config->user = user->text;
        reader->config->user_origin = user->origin;
    }
}

static void read_config(struct realip_config_reader *reader)
{
    const struct realip_config_block *root = realip_config_file_root(reader->file);

    realip_listener_set_defaults(&reader->config->rules.fallback);
    read_top_level(reader, root);
    realip_config_listeners_read(reader, root);
    realip_config_networks_read(reader, root);
    realip_config_programs_read(reader, root);
    realip_config_suspicion_read(reader, root);
}

int realip_config_load(const char *path, struct realip_config **config_r, struct realip_problems *problems)
{
    return realip_config_load_sources(path, NULL, config_r, problems);
}

static int load_once(const char *path, struct realip_sources *sources, struct realip_config **config_r, struct realip_problems *problems)
{
    struct realip_config *config = calloc(1, sizeof(*config));
    struct realip_config_file *file = NULL;
    size_t before = problems->count;

    *config_r = NULL;
    if (config == NULL) {
        realip_problems_add(problems, (struct realip_origin){ path, 0 }, "out of memory");
        return -1;
    }
    config->free_client_names = realip_name_pattern_free;
    config->path = realip_arena_copy(&config->arena, path, strlen(path));
    if (config->path == NULL)
        realip_problems_add(problems, (struct realip_origin){ path, 0 }, "out of memory");
    else if (realip_config_file_read(path, &config->arena, problems, &file) == 0) {
        struct realip_config_reader reader = {
            .config = config, .file = file, .problems = problems, .sources = sources
        };

        config->stamp = realip_stamp_text(0, realip_config_file_text(file));
        read_config(&reader);
        realip_config_file_free(&file);
    }
    if (problems->count > before) {
        realip_config_free(&config);
        return -1;
    }
    *config_r = config;
    return 0;
}

int realip_config_load_sources(const char *path, struct realip_sources *sources, struct realip_config **config_r,
                               struct realip_problems *problems)
{
    const struct realip_problems before = *problems;

    for (;;) {
        int result = load_once(path, sources, config_r, problems);

        if (!realip_sources_begin_again(sources))
            return result;
        realip_config_free(config_r);
        realip_problems_take_back(problems, &before);
    }
}
