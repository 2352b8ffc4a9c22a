#include "cli/folder.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPEN_FOLDERS_MAX = 8 };

tdl_status tdl_folder_temporary(char ret_path[TDL_FOLDER_MAX], tdl_report *why)
{
    static const char name[] = "/treadle-XXXXXX";
    const char *base = getenv("TMPDIR");

    if (!base || !*base || strlen(base) + sizeof name > TDL_FOLDER_MAX)
        base = "/tmp";
    snprintf(ret_path, TDL_FOLDER_MAX, "%s%s", base, name);
    if (!mkdtemp(ret_path))
        return TDL_FAIL(why, TDL_E_IO, "cannot make a folder below %s: %s", base, strerror(errno));
    return TDL_OK;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

void tdl_folder_remove(const char *path)
{
    nftw(path, remove_one, OPEN_FOLDERS_MAX, FTW_DEPTH | FTW_PHYS);
}
