/* The functions of the RP2040's boot ROM that MicroPython's rp2 port calls (datasheet section 2.8.3), for an emulator: the real ROM is
 * in no package. Arithmetic on floats and doubles is libgcc's, whose cycles differ from the real ROM's. */

typedef unsigned char u8;
typedef unsigned u32;
typedef long long i64;
typedef unsigned long long u64;

/* rom.S names these functions in its tables, where the compiler does not see it. */
#define ROM __attribute__((used))

/* ---- bits */

ROM u32 rom_popcount32(u32 x)
{
    x -= (x >> 1) & 0x55555555;
    x = (x & 0x33333333) + ((x >> 2) & 0x33333333);
    x = (x + (x >> 4)) & 0x0f0f0f0f;
    return (x * 0x01010101) >> 24;
}

ROM u32 rom_reverse32(u32 x)
{
    x = ((x >> 1) & 0x55555555) | ((x & 0x55555555) << 1);
    x = ((x >> 2) & 0x33333333) | ((x & 0x33333333) << 2);
    x = ((x >> 4) & 0x0f0f0f0f) | ((x & 0x0f0f0f0f) << 4);
    return __builtin_bswap32(x);
}

ROM u32 rom_clz32(u32 x)
{
    u32 n = 0;
    if (!x)
        return 32;
    if (!(x >> 16)) {
        n += 16;
        x <<= 16;
    }
    if (!(x >> 24)) {
        n += 8;
        x <<= 8;
    }
    if (!(x >> 28)) {
        n += 4;
        x <<= 4;
    }
    if (!(x >> 30)) {
        n += 2;
        x <<= 2;
    }
    return n + 1 - (x >> 31);
}

ROM u32 rom_ctz32(u32 x)
{
    return x ? 31 - rom_clz32(x & -x) : 32;
}

/* ---- memory: bursts of four words, as in the real ROM; with bytes, C code that copies much would read a fifth slower */

ROM void *rom_memset(u8 *to, int value, u32 count)
{
    u8 *start = to;
    u32 word = (u8)value * 0x01010101u;
    while (count && ((u32)to & 3)) {
        *to++ = value;
        count--;
    }
    u32 *words = (u32 *)to;
    if (count >= 16) {
        register u32 a __asm__("r4") = word, b __asm__("r5") = word, c __asm__("r6") = word, d __asm__("r7") = word;
        do {
            __asm__ volatile("stmia %0!, {r4, r5, r6, r7}" : "+l"(words) : "l"(a), "l"(b), "l"(c), "l"(d) : "memory");
            count -= 16;
        } while (count >= 16);
    }
    for (; count >= 4; count -= 4)
        *words++ = word;
    to = (u8 *)words;
    while (count--)
        *to++ = value;
    return start;
}

ROM void *rom_memcpy(u8 *to, const u8 *from, u32 count)
{
    u8 *start = to;
    if ((((u32)to ^ (u32)from) & 3) == 0) {
        while (count && ((u32)to & 3)) {
            *to++ = *from++;
            count--;
        }
        for (; count >= 16; count -= 16)
            __asm__ volatile("ldmia %1!, {r4, r5, r6, r7}\n\tstmia %0!, {r4, r5, r6, r7}"
                             : "+l"(to), "+l"(from)
                             :
                             : "r4", "r5", "r6", "r7", "memory");
        for (; count >= 4; count -= 4) {
            *(u32 *)to = *(const u32 *)from;
            to += 4;
            from += 4;
        }
    }
    while (count--)
        *to++ = *from++;
    return start;
}

/* ---- flash: a port that only the emulator has; the store to `count` returns when the chip is done */

struct flash_port {
    u32 offset, source, count;
};
#define FLASH ((volatile struct flash_port *)0x4f000000)

ROM void rom_flash_range_erase(u32 offset, u32 count, u32 block_size, u8 block_command)
{
    FLASH->offset = offset;
    FLASH->source = 0;
    FLASH->count = count;
}

ROM void rom_flash_range_program(u32 offset, const u8 *source, u32 count)
{
    FLASH->offset = offset;
    FLASH->source = (u32)source;
    FLASH->count = count;
}

/* ---- what is not here stops the emulator, which says where */

ROM void rom_usb_boot(u32 activity_pin, u32 disabled_interfaces)
{
    __asm__ volatile("bkpt 0xaa");
    for (;;)
        ;
}

ROM void rom_missing(void)
{
    __asm__ volatile("bkpt 0xab");
    for (;;)
        ;
}

/* ---- float */

ROM float rom_fadd(float a, float b) { return a + b; }
ROM float rom_fsub(float a, float b) { return a - b; }
ROM float rom_fmul(float a, float b) { return a * b; }
ROM float rom_fdiv(float a, float b) { return a / b; }
ROM float rom_i2f(int a) { return a; }
ROM float rom_ui2f(u32 a) { return a; }
ROM float rom_l2f(i64 a) { return a; }
ROM float rom_ul2f(u64 a) { return a; }
ROM double rom_f2d(float a) { return a; }

/* Conversions to integers round down and saturate, unlike C's. */
ROM int rom_f2i(float a)
{
    int i = a;
    if (a >= 2147483648.f)
        return 0x7fffffff;
    if (a < -2147483648.f)
        return 0x80000000;
    return (float)i > a ? i - 1 : i;
}

ROM u32 rom_f2ui(float a)
{
    if (!(a > 0))
        return 0;
    return a >= 4294967296.f ? ~0u : (u32)a;
}

ROM i64 rom_f2l(float a)
{
    if (a >= 9223372036854775808.f)
        return 0x7fffffffffffffffll;
    if (a < -9223372036854775808.f)
        return -0x7fffffffffffffffll - 1;
    i64 i = a;
    return (float)i > a ? i - 1 : i;
}

ROM u64 rom_f2ul(float a)
{
    if (!(a > 0))
        return 0;
    return a >= 18446744073709551616.f ? ~0ull : (u64)a;
}

ROM float rom_fsqrt(float x)
{
    if (!(x > 0))
        return 0;
    union {
        float f;
        u32 u;
    } guess = {x};
    guess.u = (guess.u >> 1) + 0x1fc00000; /* half the exponent */
    for (int i = 0; i < 4; i++)
        guess.f = 0.5f * (guess.f + x / guess.f);
    return guess.f;
}

/* ---- double */

ROM double rom_dadd(double a, double b) { return a + b; }
ROM double rom_dsub(double a, double b) { return a - b; }
ROM double rom_dmul(double a, double b) { return a * b; }
ROM double rom_ddiv(double a, double b) { return a / b; }
ROM double rom_i2d(int a) { return a; }
ROM double rom_ui2d(u32 a) { return a; }
ROM double rom_l2d(i64 a) { return a; }
ROM double rom_ul2d(u64 a) { return a; }
ROM float rom_d2f(double a) { return a; }

ROM int rom_d2i(double a)
{
    if (a >= 2147483648.)
        return 0x7fffffff;
    if (a < -2147483648.)
        return 0x80000000;
    int i = a;
    return (double)i > a ? i - 1 : i;
}

ROM u32 rom_d2ui(double a)
{
    if (!(a > 0))
        return 0;
    return a >= 4294967296. ? ~0u : (u32)a;
}

ROM i64 rom_d2l(double a)
{
    i64 i = a;
    return (double)i > a ? i - 1 : i;
}

ROM u64 rom_d2ul(double a) { return a > 0 ? (u64)a : 0; }
