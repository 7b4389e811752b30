/* Reads a Postfix: the running one by postconf, or one that is written down in a folder. */
#include <errno.h>
#include <string.h>

#include "postfix_text.h"
#include "program.h"
#include "setup.h"

#define POSTCONF_SECONDS 10

static const char *path_in(struct realip_setup *setup, const char *folder, const char *name)
{
    return realip_text_format(&setup->arena, "%s/%s", folder, name);
}

/* A file that may be missing: NULL then, without a word. */
static const char *optional_file(struct realip_setup *setup, const char *path)
{
    const char *reason;
    const char *text = realip_text_file(&setup->arena, path, &reason);

    if (text == NULL && strcmp(reason, strerror(ENOENT)) != 0)
        realip_setup_fail(setup, path, reason);
    return text;
}

void realip_postfix_read_folder(struct realip_setup *setup, const char *folder)
{
    struct realip_postfix *postfix = &setup->postfix;
    const char *main_file = path_in(setup, folder, "main.cf");
    const char *master_file = path_in(setup, folder, "master.cf");
    const char *options_file = path_in(setup, folder, "postconf-P");
    const char *main_text = optional_file(setup, main_file);
    const char *master_text = optional_file(setup, master_file);

    if (main_text == NULL) {
        main_file = path_in(setup, folder, "postconf-n");
        main_text = optional_file(setup, main_file);
    }
    if (master_text == NULL) {
        master_file = path_in(setup, folder, "postconf-M");
        master_text = optional_file(setup, master_file);
    }
    if (main_text == NULL && master_text == NULL)
        return;
    postfix->is_known = true;
    postfix->main_file = main_file;
    postfix->master_file = master_file;
    realip_words_add(&setup->arena, &setup->looked_at, "postfix");
    if (main_text != NULL)
        realip_postfix_text_main(&setup->arena, main_file, main_text, &postfix->main);
    if (master_text == NULL)
        return;
    realip_postfix_text_master(&setup->arena, master_file, master_text, postfix);
    const char *options_text = optional_file(setup, options_file);
    if (options_text != NULL)
        realip_postfix_text_options(&setup->arena, options_file, options_text, postfix);
}

/* What a postconf printed; NULL where it failed, which is said. `-c FOLDER` goes first. */
static const char *ask(struct realip_setup *setup, const char *postconf, const char *folder,
                       const char *const *arguments, const char **errors_r)
{
    const char *argv[64] = { postconf };
    struct realip_program_output output;
    const char *reason;
    size_t count = 1;

    if (folder != NULL) {
        argv[count++] = "-c";
        argv[count++] = folder;
    }
    for (; *arguments != NULL && count < 63; arguments++)
        argv[count++] = *arguments;
    if (realip_program_run(&setup->arena, argv, POSTCONF_SECONDS, &output, &reason) < 0) {
        realip_setup_fail(setup, "Postfix", reason);
        return NULL;
    }
    if (output.status != 0) {
        const char *words = output.err;
        const char *line = realip_text_line(&setup->arena, &words);

        if (line != NULL && strstr(line, "No such file") != NULL)
            line = realip_text_format(&setup->arena, "%s; where its configuration is elsewhere: --postfix DIR", line);
        realip_setup_fail(setup, "Postfix", line != NULL ? line : "postconf failed and gave no reason");
        return NULL;
    }
    if (errors_r != NULL)
        *errors_r = output.err;
    return output.out;
}

/* What main.cf leaves to defaults, as the running Postfix has them. */
static void read_defaults(struct realip_setup *setup, const char *postconf, const char *folder)
{
    static const char *const names[] = { "-x",
                                         "mynetworks",
                                         "config_directory",
                                         "default_database_type",
                                         "myhostname",
                                         "inet_protocols",
                                         "inet_interfaces",
                                         "queue_directory",
                                         "smtpd_delay_reject",
                                         "smtpd_relay_restrictions",
                                         "milter_default_action",
                                         "mynetworks_style",
                                         "smtpd_service_name",
                                         "smtpd_policy_service_default_action",
                                         NULL };
    const char *text = ask(setup, postconf, folder, names, NULL);

    if (text != NULL)
        realip_postfix_text_main(&setup->arena, NULL, text, &setup->postfix.running);
}

/* "postconf: warning: /etc/postfix/main.cf: unused parameter: name=value" */
static void read_unused(struct realip_setup *setup, const char *errors)
{
    const char *line;

    while (errors != NULL && (line = realip_text_line(&setup->arena, &errors)) != NULL) {
        const char *at = strstr(line, ": unused parameter: ");

        if (at == NULL)
            continue;
        at += strlen(": unused parameter: ");
        const char *name = realip_text_copy(&setup->arena, at, strcspn(at, "="));
        realip_settings_add(&setup->arena, &setup->postfix.unused, name, "",
                            (struct realip_origin){ setup->postfix.main_file, 0 });
    }
}

/* postconf tells no lines: they are those of the files. */
static void place_settings(struct realip_settings *settings, const struct realip_settings *source, const char *file)
{
    for (size_t i = 0; i < settings->count; i++) {
        const struct realip_setting *found = realip_settings_find(source, settings->items[i].name);

        settings->items[i].origin = found != NULL ? found->origin : (struct realip_origin){ file, 0 };
    }
}

static void place_services(struct realip_setup *setup)
{
    struct realip_postfix *postfix = &setup->postfix;
    struct realip_postfix source = { 0 };
    const char *text = optional_file(setup, postfix->master_file);

    if (text != NULL)
        realip_postfix_text_master(&setup->arena, postfix->master_file, text, &source);
    for (size_t i = 0; i < postfix->service_count; i++) {
        struct realip_service_entry *entry = &postfix->services[i];
        struct realip_settings none = { 0 };
        const struct realip_settings *options = &none;

        entry->origin = (struct realip_origin){ postfix->master_file, 0 };
        for (size_t k = 0; k < source.service_count; k++) {
            if (strcmp(source.services[k].name, entry->name) == 0
                && strcmp(source.services[k].type, entry->type) == 0) {
                entry->origin = source.services[k].origin;
                options = &source.services[k].options;
            }
        }
        place_settings(&entry->options, options, postfix->master_file);
    }
}

static void place_main(struct realip_setup *setup)
{
    struct realip_settings source = { 0 };
    const char *text = optional_file(setup, setup->postfix.main_file);

    if (text != NULL)
        realip_postfix_text_main(&setup->arena, setup->postfix.main_file, text, &source);
    place_settings(&setup->postfix.main, &source, setup->postfix.main_file);
    place_settings(&setup->postfix.unused, &source, setup->postfix.main_file);
}

void realip_postfix_read_host(struct realip_setup *setup, const char *folder, bool is_wanted)
{
    static const char *const settings[] = { "-n", NULL };
    static const char *const services[] = { "-M", NULL };
    static const char *const options[] = { "-P", NULL };
    static const char *const directory[] = { "-h", "config_directory", NULL };
    struct realip_postfix *postfix = &setup->postfix;
    const char *postconf = realip_program_find(&setup->arena, "postconf");
    const char *errors = NULL;

    if (postconf == NULL) {
        if (is_wanted)
            realip_setup_fail(setup, "Postfix",
                              "there is no postconf; install Postfix here, or judge a folder: --setup FOLDER");
        return;
    }
    const char *main_text = ask(setup, postconf, folder, settings, &errors);
    if (main_text == NULL)
        return;
    const char *master_text = ask(setup, postconf, folder, services, NULL);
    const char *options_text = master_text == NULL ? NULL : ask(setup, postconf, folder, options, NULL);
    const char *place = options_text == NULL ? NULL : ask(setup, postconf, folder, directory, NULL);
    if (place == NULL)
        return;
    place = folder != NULL ? folder : realip_text_trim(&setup->arena, place);
    postfix->is_known = true;
    postfix->main_file = path_in(setup, place, "main.cf");
    postfix->master_file = path_in(setup, place, "master.cf");
    realip_words_add(&setup->arena, &setup->looked_at, "postfix");
    realip_postfix_text_main(&setup->arena, postfix->main_file, main_text, &postfix->main);
    realip_postfix_text_master(&setup->arena, postfix->master_file, master_text, postfix);
    realip_postfix_text_options(&setup->arena, postfix->master_file, options_text, postfix);
    read_unused(setup, errors);
    read_defaults(setup, postconf, folder);
    place_main(setup);
    place_services(setup);
}
