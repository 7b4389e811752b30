/* realipctl export: tells other programs which addresses are not real, and whether what they were told still agrees. */
#include "export.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "export_arguments.h"
#include "export_output.h"
#include "subcommand.h"
#include "usage.h"

#define EXIT_UNREADABLE 2

static bool is_wanted(const struct realip_export *export, const struct realip_export_part *part)
{
    return part->is_wanted == NULL || part->is_wanted(export);
}

static bool is_folder(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool has_one_part(const struct realip_export_form *form)
{
    return form->parts[1].file == NULL;
}

static int join(const char *folder, const char *file, char path[PATH_MAX])
{
    errno = ENAMETOOLONG;
    return snprintf(path, PATH_MAX, "%s/%s", folder, file) < PATH_MAX ? 0 : -1;
}

/* ---- --to --------------------------------------------------------------------------------------------------------- */

static int not_written(const char *path)
{
    fprintf(stderr, "realipctl export: %s: %s; is the folder there, may it be written?\n", path, strerror(errno));
    return EXIT_FAILURE;
}

static int write_folder(const struct realip_export_form *form, struct realip_export *export, const char *to)
{
    char folder[PATH_MAX];
    char path[PATH_MAX];

    if (realpath(to, folder) == NULL)
        return not_written(to);
    export->folder = folder;
    for (const struct realip_export_part *part = form->parts; part->file != NULL; part++) {
        if (!is_wanted(export, part))
            continue;
        if (join(folder, part->file, path) < 0 || realip_export_output_write(export, form->name, part, path) < 0)
            return not_written(path);
    }
    printf("%s: written; %s\n", folder, form->next);
    return 0;
}

static int write_all(const struct realip_export_arguments *arguments, struct realip_export *export)
{
    const struct realip_export_form *form = arguments->form;
    bool standard = strcmp(arguments->to, "-") == 0;

    if (is_folder(arguments->to))
        return write_folder(form, export, arguments->to);
    if (!has_one_part(form)) {
        struct stat status;

        fprintf(stderr, "realipctl export: %s: %s; %s is several files: name a folder that is there (mkdir -p first)\n", arguments->to,
                !standard && stat(arguments->to, &status) < 0 ? strerror(errno) : "is no folder", form->name);
        return EXIT_FAILURE;
    }
    if (realip_export_output_write(export, form->name, &form->parts[0], arguments->to) < 0)
        return not_written(arguments->to);
    if (!standard)
        printf("%s: written; %s\n", arguments->to, form->next);
    return 0;
}

/* ---- --check ------------------------------------------------------------------------------------------------------ */

static void compare_file(const struct realip_export *export, const char *path,
                         int (*compare)(const struct realip_export *export, const struct realip_export_text *text,
                                        struct realip_export_report *report),
                         struct realip_export_report *report)
{
    struct realip_export_text text;

    report->path = strcmp(path, "-") == 0 ? "standard input" : path;
    if (realip_export_text_read(path, &text) < 0) {
        fprintf(stderr, "realipctl export: %s: %s\n", path, strerror(errno));
        report->unreadable = true;
        return;
    }
    if (compare(export, &text, report) < 0 && !report->unreadable) {
        fputs("realipctl export: out of memory\n", stderr);
        report->unreadable = true;
    }
    realip_export_text_clear(&text);
}

static void compare_folder(const struct realip_export_form *form, const struct realip_export *export, const char *folder,
                           struct realip_export_report *report)
{
    for (const struct realip_export_part *part = form->parts; part->file != NULL; part++) {
        char path[PATH_MAX];
        struct stat status;

        if (part->compare == NULL || join(folder, part->file, path) < 0)
            continue;
        /* What this command line does not ask for is compared where it is there. */
        if (is_wanted(export, part) || stat(path, &status) == 0)
            compare_file(export, path, part->compare, report);
    }
}

/* Of several files the name tells which it is. */
static const struct realip_export_part *part_of(const struct realip_export_form *form, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;

    for (const struct realip_export_part *part = form->parts; part->file != NULL; part++) {
        if (part->compare != NULL && (has_one_part(form) || strcmp(part->file, name) == 0))
            return part;
    }
    return NULL;
}

static int wrong_place(const struct realip_export_form *form, const char *path)
{
    char names[512] = "";

    for (const struct realip_export_part *part = form->parts; part->file != NULL; part++) {
        if (part->compare != NULL)
            snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", names[0] == '\0' ? "" : ", ", part->file);
    }
    return realip_usage_wrong("export", "--check '%.200s': of %s there are these files: %s; name one of them, or their folder", path,
                              form->name, names);
}

static int check(const struct realip_export_arguments *arguments, const struct realip_export *export)
{
    struct realip_export_report report = { .terminal = realip_terminal_of(stdout) };
    const struct realip_export_form *form = arguments->form;
    const char *path = arguments->check;

    if (strcmp(path, "-") == 0 && form->compare_running != NULL) {
        compare_file(export, path, form->compare_running, &report);
    } else if (is_folder(path)) {
        compare_folder(form, export, path, &report);
    } else if (part_of(form, path) != NULL) {
        compare_file(export, path, part_of(form, path)->compare, &report);
    } else {
        return wrong_place(form, path);
    }
    if (report.unreadable)
        return EXIT_UNREADABLE;
    if (report.differences > 0)
        return EXIT_FAILURE;
    printf("%s: %sagrees%s with %s\n", strcmp(path, "-") == 0 ? "standard input" : path, realip_terminal_style(&report.terminal, REALIP_STYLE_GOOD),
           realip_terminal_style(&report.terminal, REALIP_STYLE_NONE), export->config->path);
    return 0;
}

/* ---- both --------------------------------------------------------------------------------------------------------- */

/* Is --listener one of the configuration's? */
static int check_listener(const struct realip_export *export)
{
    const struct realip_rules *rules = &export->config->rules;
    const char *names[64];
    size_t count = 0;

    for (size_t i = 0; export->listener != NULL && i < rules->listener_count; i++) {
        if (realip_listener_has_name(&rules->listeners[i], export->listener))
            return 0;
        if (count < 64)
            names[count++] = rules->listeners[i].title;
    }
    if (export->listener == NULL)
        return 0;
    const char *meant = realip_usage_nearest(export->listener, names, count);
    return realip_usage_wrong("export", "--listener '%.60s': %s has no such listener%s%s%s", export->listener, export->config->path,
                              meant != NULL ? "; did you mean: " : "", meant != NULL ? meant : "", meant != NULL ? "?" : "");
}

static int run(const struct realip_export_arguments *arguments, const struct realip_config *config)
{
    struct realip_export export = arguments->export;
    int result;

    export.config = config;
    if (config->client_names != NULL)
        fputs("realipctl export: client-names can't be told to another program: list those networks, too\n", stderr);
    result = check_listener(&export);
    if (result == 0 && arguments->form->refuse != NULL)
        result = arguments->form->refuse(&export);
    if (result != 0)
        return result;
    result = arguments->to != NULL ? write_all(arguments, &export) : check(arguments, &export);
    return fflush(stdout) != 0 && result == 0 ? EXIT_FAILURE : result;
}

int realip_export_main(const char *config_path, int argc, char **argv)
{
    struct realip_export_arguments arguments;
    struct realip_config *config;
    int result = realip_export_arguments_read(argc, argv, &arguments);

    if (result != 0)
        return result > 0 ? 0 : REALIP_EXIT_USAGE;
    result = realip_subcommand_load(config_path, &config);
    if (result != 0)
        return result;
    result = run(&arguments, config);
    realip_config_free(&config);
    return result;
}
