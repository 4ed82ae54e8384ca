// Floats as where they share a word of 32 bits with the tag that tells them from other objects.

#include <stdint.h>
#include <string.h>

#include "py/formatfloat.h"
#include "board.h"

float board_float(float value) {
    union {
        float value;
        uint32_t bits;
    } word = {value};
    word.bits &= ~3u;
    return word.value;
}

void board_print_float(const mp_print_t *print, float value) {
    char text[16];
    mp_format_float(value, text, sizeof(text), 'g', 6, '\0');
    mp_print_str(print, text);
    // It is to look like a float.
    if (strpbrk(text, ".en") == NULL) {
        mp_print_str(print, ".0");
    }
}
