/* A PKCS#11 module that passes everything on to SoftHSM2, and fails as files beside it say (mod.rs): what SoftHSM2 itself
   never does. Only what is of use here is intercepted; the rest of the function list is SoftHSM2's own. */

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long U;
typedef unsigned char B;

/* PKCS#11 2.40, CK_FUNCTION_LIST: a version and 68 functions in this order. */
struct list { B version[2]; void *function[68]; };
enum {
    INITIALIZE = 0, GET_SLOT_LIST = 4, GET_TOKEN_INFO = 6, GET_MECHANISM_LIST = 7, OPEN_SESSION = 12, CLOSE_SESSION = 13,
    CLOSE_ALL_SESSIONS = 14, GET_SESSION_INFO = 15, LOGIN = 18, GET_ATTRIBUTE_VALUE = 24, FIND_OBJECTS_INIT = 26,
    SIGN_INIT = 42, SIGN = 43, SIGN_UPDATE = 44, SIGN_FINAL = 45
};
enum { OK = 0, DEVICE_REMOVED = 0x32, BUFFER_TOO_SMALL = 0x150, SESSION_COUNT = 0xB1, TOKEN_NOT_PRESENT = 0xE0 };

static struct list *real, ours;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static U sessions;
static int was_gone;

static void path(char *to, const char *what, const char *name) {
    snprintf(to, 4096, "%s/%s%s%s", getenv("SHIM_FOLDER"), what, *name ? "." : "", name);
}

/* What a file holds, in at most 255 characters; NULL where it is not there. */
static char *told(char *text, const char *what, const char *name) {
    char file[4096];
    path(file, what, name);
    int handle = open(file, O_RDONLY);
    if (handle < 0) return NULL;
    ssize_t length = read(handle, text, 255);
    close(handle);
    text[length > 0 ? length : 0] = 0;
    return text;
}

/* Takes a file away: of several callers one succeeds. */
static int taken(const char *what, const char *name) {
    char file[4096];
    path(file, what, name);
    return unlink(file) == 0;
}

/* Does not return before whoever told it to hang takes the mark away. */
static void hang(const char *name) {
    char from[4096], to[4096], text[256];
    path(from, "hang", name);
    path(to, "hung", name);
    if (rename(from, to) == 0)
        while (told(text, "hung", name)) usleep(1000);
}

/* Writes the call down, hangs where it is told to, and gives the code with which the call is to fail. */
static U gate(const char *name) {
    char file[4096], text[256];
    path(file, "calls", "");
    int log = open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dprintf(log, "%s\n", name);
    close(log);
    hang(name);
    static const char *tickets[] = { "fail", "again" };
    for (int i = 0; i < 2; i++)
        if (told(text, tickets[i], name) && taken(tickets[i], name)) return strtoul(text, NULL, 0);
    return told(text, "always", name) ? strtoul(text, NULL, 0) : OK;
}

/* Whether the token is gone. Its sessions and its login have ended then, also when it comes back. */
static int gone(void) {
    char text[256];
    pthread_mutex_lock(&lock);
    int is_gone = told(text, "gone", "") != NULL;
    if (is_gone && !was_gone) {
        U slots[64], count = 64;
        if (((U(*)(B, U *, U *))real->function[GET_SLOT_LIST])(1, slots, &count) == OK)
            for (U i = 0; i < count; i++) ((U(*)(U))real->function[CLOSE_ALL_SESSIONS])(slots[i]);
        sessions = 0;
    }
    was_gone = is_gone;
    pthread_mutex_unlock(&lock);
    return is_gone;
}

#define GATE(name) { U code = gate(name); if (code) return code; }
#define PRESENT(code) { if (gone()) return code; }
#define REAL(index, ...) ((U(*)(__VA_ARGS__))real->function[index])

static U initialize(void *arguments) {
    GATE("C_Initialize")
    return REAL(INITIALIZE, void *)(arguments);
}

static U get_slot_list(B present, U *slots, U *count) {
    GATE("C_GetSlotList")
    if (present && gone()) { *count = 0; return OK; }
    return REAL(GET_SLOT_LIST, B, U *, U *)(present, slots, count);
}

static U get_token_info(U slot, B *info) {
    char text[256], *rest;
    GATE("C_GetTokenInfo")
    PRESENT(TOKEN_NOT_PRESENT)
    U code = REAL(GET_TOKEN_INFO, U, B *)(slot, info);
    if (code == OK && told(text, "flags", "")) {
        U flags, clear = strtoul(text, &rest, 0), set = strtoul(rest, NULL, 0);
        /* After label, manufacturer, model and serial number. */
        memcpy(&flags, info + 96, sizeof flags);
        flags = (flags & ~clear) | set;
        memcpy(info + 96, &flags, sizeof flags);
    }
    return code;
}

static U get_mechanism_list(U slot, U *mechanisms, U *count) {
    char text[256];
    U all[512], total = 512, kept = 0;
    GATE("C_GetMechanismList")
    PRESENT(TOKEN_NOT_PRESENT)
    U code = REAL(GET_MECHANISM_LIST, U, U *, U *)(slot, all, &total);
    if (code != OK) return code;
    for (U i = 0; i < total; i++) {
        int hidden = 0;
        char *rest = told(text, "hide", "");
        for (char *word = rest ? strtok_r(text, " ", &rest) : NULL; word; word = strtok_r(NULL, " ", &rest))
            hidden |= strtoul(word, NULL, 0) == all[i];
        if (!hidden) all[kept++] = all[i];
    }
    if (mechanisms && *count < kept) { *count = kept; return BUFFER_TOO_SMALL; }
    if (mechanisms) memcpy(mechanisms, all, kept * sizeof *all);
    *count = kept;
    return OK;
}

static U open_session(U slot, U flags, void *application, void *notify, U *session) {
    char text[256];
    GATE("C_OpenSession")
    PRESENT(TOKEN_NOT_PRESENT)
    pthread_mutex_lock(&lock);
    U code = SESSION_COUNT;
    if (!told(text, "sessions", "") || sessions < strtoul(text, NULL, 0))
        code = REAL(OPEN_SESSION, U, U, void *, void *, U *)(slot, flags, application, notify, session);
    if (code == OK) sessions++;
    pthread_mutex_unlock(&lock);
    return code;
}

static U close_session(U session) {
    GATE("C_CloseSession")
    PRESENT(DEVICE_REMOVED)
    pthread_mutex_lock(&lock);
    U code = REAL(CLOSE_SESSION, U)(session);
    if (code == OK) sessions--;
    pthread_mutex_unlock(&lock);
    return code;
}

/* Without a PIN, the one that would be typed on the token's own keypad. */
static U login(U session, U user, B *pin, U length) {
    GATE("C_Login")
    PRESENT(DEVICE_REMOVED)
    if (!pin) { pin = (B *)getenv("SHIM_PIN"); length = strlen((char *)pin); }
    return REAL(LOGIN, U, U, B *, U)(session, user, pin, length);
}

#define PASS(ours, name, index, parameters, ...) \
    static U ours parameters { GATE(name) PRESENT(DEVICE_REMOVED) return ((U(*) parameters)real->function[index])(__VA_ARGS__); }
PASS(get_session_info, "C_GetSessionInfo", GET_SESSION_INFO, (U s, void *info), s, info)
PASS(get_attribute_value, "C_GetAttributeValue", GET_ATTRIBUTE_VALUE, (U s, U o, void *t, U n), s, o, t, n)
PASS(find_objects_init, "C_FindObjectsInit", FIND_OBJECTS_INIT, (U s, void *t, U n), s, t, n)
PASS(sign_init, "C_SignInit", SIGN_INIT, (U s, void *m, U key), s, m, key)
PASS(sign, "C_Sign", SIGN, (U s, B *data, U n, B *out, U *length), s, data, n, out, length)
PASS(sign_update, "C_SignUpdate", SIGN_UPDATE, (U s, B *data, U n), s, data, n)
PASS(sign_final, "C_SignFinal", SIGN_FINAL, (U s, B *out, U *length), s, out, length)

U C_GetFunctionList(struct list **list) {
    void *module = dlopen(getenv("SHIM_MODULE"), RTLD_NOW);
    U (*get)(struct list **) = module ? (U(*)(struct list **))dlsym(module, "C_GetFunctionList") : NULL;
    if (!get) return 5;
    U code = get(&real);
    if (code != OK) return code;
    ours = *real;
    void **f = ours.function;
    f[INITIALIZE] = initialize;
    f[GET_SLOT_LIST] = get_slot_list;
    f[GET_TOKEN_INFO] = get_token_info;
    f[GET_MECHANISM_LIST] = get_mechanism_list;
    f[OPEN_SESSION] = open_session;
    f[CLOSE_SESSION] = close_session;
    f[GET_SESSION_INFO] = get_session_info;
    f[LOGIN] = login;
    f[GET_ATTRIBUTE_VALUE] = get_attribute_value;
    f[FIND_OBJECTS_INIT] = find_objects_init;
    f[SIGN_INIT] = sign_init;
    f[SIGN] = sign;
    f[SIGN_UPDATE] = sign_update;
    f[SIGN_FINAL] = sign_final;
    *list = &ours;
    return OK;
}
