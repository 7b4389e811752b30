/* Our own configuration, and what its reader says of it. */
#include <stdlib.h>
#include <string.h>

#include "runtime/config_file.h"
#include "setup.h"

/* "FILE:LINE: text" into its parts; a file's name may hold colons. */
static struct realip_rules_message take_apart(struct realip_setup *setup, const char *file, const char *line)
{
    struct realip_rules_message message = { { file, 0 }, line };

    for (const char *at = strchr(line, ':'); at != NULL; at = strchr(at + 1, ':')) {
        char *end;
        unsigned long number = strtoul(at + 1, &end, 10);

        if (end == at + 1 || strncmp(end, ": ", 2) != 0)
            continue;
        message.origin.file = realip_text_copy(&setup->arena, line, (size_t)(at - line));
        message.origin.line = (unsigned)number;
        message.text = end + 2;
        return message;
    }
    if (strncmp(line, file, strlen(file)) == 0 && strncmp(line + strlen(file), ": ", 2) == 0)
        message.text = line + strlen(file) + 2;
    return message;
}

static void take_all(struct realip_setup *setup, const char *file, const char *text,
                     struct realip_rules_message **messages, size_t *count)
{
    const char *line;

    while (text != NULL && (line = realip_text_line(&setup->arena, &text)) != NULL) {
        *messages = realip_text_grow(&setup->arena, *messages, *count, sizeof(**messages));
        (*messages)[(*count)++] = take_apart(setup, file, line);
    }
}

/* What the rules don't keep: where the networks are listed, and whether some are found by themselves. */
static void read_blocks(struct realip_setup *setup, const char *file)
{
    struct realip_own_rules *rules = &setup->rules;
    struct realip_problems problems = { 0 };
    struct realip_config_file *text;
    const struct realip_config_block *block;

    if (realip_config_file_read(file, &setup->arena, &problems, &text) < 0) {
        realip_problems_clear(&problems);
        return;
    }
    const struct realip_config_block *root = realip_config_file_root(text);
    for (unsigned i = 0; (block = realip_config_block_at(root, "networks", i)) != NULL; i++) {
        const char *title = realip_config_block_title(block);

        if (title == NULL || strcmp(title, "infrastructure") != 0)
            continue;
        const struct realip_config_value *discover = realip_config_value_at(block, "discover", 0);
        rules->infrastructure = realip_config_block_origin(text, "networks", block);
        rules->infrastructure.file = file;
        rules->discovers = discover != NULL && realip_text_is_yes(discover->text);
    }
    realip_config_file_free(&text);
    realip_problems_clear(&problems);
}

void realip_own_rules_read(struct realip_setup *setup, const char *file)
{
    struct realip_own_rules *rules = &setup->rules;
    struct realip_problems problems = { 0 };
    const char *reason;

    if (realip_text_file(&setup->arena, file, &reason) == NULL) {
        realip_setup_fail(setup, file, reason);
        return;
    }
    rules->is_known = true;
    rules->file = file;
    rules->infrastructure = (struct realip_origin){ file, 0 };
    realip_words_add(&setup->arena, &setup->looked_at, "mail-realip");
    if (realip_config_load(file, &rules->config, &problems) < 0) {
        take_all(setup, file, problems.text, &rules->problems, &rules->problem_count);
        realip_problems_clear(&problems);
        return;
    }
    take_all(setup, file, rules->config->warnings.text, &rules->warnings, &rules->warning_count);
    read_blocks(setup, file);
}
