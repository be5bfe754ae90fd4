// Formatted output for the programs, the same code everywhere; only the last step differs.

#include "program.h"

#ifdef HOSTED
#include <stdio.h>
static void send(const char *text) { fputs(text, stdout); }
#elif defined(LINUX)
// The system call `write`, to standard output.
static void send(const char *text) {
    register uint64_t file __asm__("x0") = 1;
    register const char *data __asm__("x1") = text;
    register uint64_t size __asm__("x2") = strlen(text);
    register uint64_t call __asm__("x8") = 64;
    __asm__ volatile("svc #0" : "+r"(file) : "r"(data), "r"(size), "r"(call) : "memory");
}
#else
// Arm semihosting, SYS_WRITE0.
static void send(const char *text) {
    register uint64_t operation __asm__("x0") = 0x04;
    register const char *parameter __asm__("x1") = text;
    __asm__ volatile("hlt #0xf000" : "+r"(operation) : "r"(parameter) : "memory");
}
#endif

static char line[256];
static size_t used;

static void flush(void) {
    line[used] = '\0';
    send(line);
    used = 0;
}

static void put(char character) {
    line[used++] = character;
    if (character == '\n' || used == sizeof line - 1)
        flush();
}

struct layout {
    bool left, zero;
    size_t width;
};

static void put_field(const char *sign, const char *text, size_t length, struct layout layout) {
    size_t total = length + (*sign != '\0');
    size_t padding = layout.width > total ? layout.width - total : 0;
    if (!layout.left && !layout.zero)
        for (; padding; padding--)
            put(' ');
    if (*sign)
        put(*sign);
    if (!layout.left)
        for (; padding; padding--)
            put('0');
    for (size_t i = 0; i < length; i++)
        put(text[i]);
    for (; padding; padding--)
        put(' ');
}

static void put_number(uint64_t value, unsigned base, const char *digits, const char *sign, struct layout layout) {
    char text[20];
    size_t start = sizeof text;
    do {
        text[--start] = digits[value % base];
        value /= base;
    } while (value);
    put_field(sign, text + start, sizeof text - start, layout);
}

void print(const char *format, ...) {
    static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
    va_list arguments;
    va_start(arguments, format);
    for (; *format; format++) {
        if (*format != '%') {
            put(*format);
            continue;
        }
        struct layout layout = {false, false, 0};
        for (format++; *format == '-' || *format == '0'; format++)
            *(*format == '-' ? &layout.left : &layout.zero) = true;
        for (; *format >= '0' && *format <= '9'; format++)
            layout.width = 10 * layout.width + (size_t)(*format - '0');
        bool is_long = false;
        for (; *format == 'l' || *format == 'z'; format++)
            is_long = true;
        switch (*format) {
        case 'd':
        case 'i': {
            int64_t value = is_long ? va_arg(arguments, int64_t) : va_arg(arguments, int);
            uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
            put_number(magnitude, 10, lower, value < 0 ? "-" : "", layout);
            break;
        }
        case 'u':
        case 'x':
        case 'X': {
            uint64_t value = is_long ? va_arg(arguments, uint64_t) : va_arg(arguments, unsigned);
            put_number(value, *format == 'u' ? 10 : 16, *format == 'X' ? upper : lower, "", layout);
            break;
        }
        case 'c': {
            char character = (char)va_arg(arguments, int);
            layout.zero = false;
            put_field("", &character, 1, layout);
            break;
        }
        case 's': {
            const char *text = va_arg(arguments, const char *);
            layout.zero = false;
            put_field("", text, strlen(text), layout);
            break;
        }
        default:
            put(*format);
        }
    }
    va_end(arguments);
}

uint64_t opaque(uint64_t value) { return value; }
