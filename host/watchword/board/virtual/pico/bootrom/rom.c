/* The functions of the boot ROM that are not about memory (memory.S). Those on floats and doubles are libgcc's, whose cycles differ
 * from the real ROM's, and which do not take denormals for zero as that does. */

typedef unsigned char u8;
typedef unsigned u32;
typedef long long i64;
typedef unsigned long long u64;

/* rom.S names these functions in its tables, which the compiler does not see. */
#define ROM __attribute__((used))

/* ---- bits */

ROM u32 _popcount32(u32 x)
{
    x -= (x >> 1) & 0x55555555;
    x = (x & 0x33333333) + ((x >> 2) & 0x33333333);
    x = (x + (x >> 4)) & 0x0f0f0f0f;
    return (x * 0x01010101) >> 24;
}

ROM u32 _reverse32(u32 x)
{
    x = ((x >> 1) & 0x55555555) | ((x & 0x55555555) << 1);
    x = ((x >> 2) & 0x33333333) | ((x & 0x33333333) << 2);
    x = ((x >> 4) & 0x0f0f0f0f) | ((x & 0x0f0f0f0f) << 4);
    return __builtin_bswap32(x);
}

/* Without a loop: it is in each conversion of an integer to a float. */
ROM u32 _clz32(u32 x)
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

ROM u32 _ctz32(u32 x)
{
    return x ? 31 - _clz32(x & -x) : 32;
}

/* ---- flash: a port that only the emulator has. The store to `count` returns when the chip is done. */

struct flash_port {
    u32 offset; /* in flash */
    u32 source; /* address of the bytes to program; 0: erase */
    u32 count;  /* of bytes */
};
#define FLASH_PORT ((volatile struct flash_port *)0x4f000000)

static void work_on_flash(u32 offset, u32 source, u32 count)
{
    FLASH_PORT->offset = offset;
    FLASH_PORT->source = source;
    FLASH_PORT->count = count;
}

/* block_size and block_command are how the real ROM is told of a faster way for large pieces; the emulated chip knows it by itself. */
ROM void _flash_range_erase(u32 offset, u32 count, u32 block_size, u8 block_command)
{
    work_on_flash(offset, 0, count);
}

ROM void _flash_range_program(u32 offset, const u8 *source, u32 count)
{
    work_on_flash(offset, (u32)source, count);
}

/* ---- what there is not: the emulator stops and says where */

ROM void _reset_to_usb_boot(u32 activity_pins, u32 disabled_interfaces)
{
    __asm__ volatile("bkpt 0xaa");
    for (;;)
        ;
}

ROM void _missing(void)
{
    __asm__ volatile("bkpt 0xab");
    for (;;)
        ;
}

/* ---- float */

ROM float _fadd(float a, float b) { return a + b; }
ROM float _fsub(float a, float b) { return a - b; }
ROM float _fmul(float a, float b) { return a * b; }
ROM float _fdiv(float a, float b) { return a / b; }
ROM float _int2float(int a) { return a; }
ROM float _uint2float(u32 a) { return a; }
ROM float _int642float(i64 a) { return a; }
ROM float _uint642float(u64 a) { return a; }
ROM double _float2double(float a) { return a; }

/* Newton's method, from half the exponent; to 1 unit in the last place. */
ROM float _fsqrt(float x)
{
    if (x < 0)
        return -__builtin_inff();
    if (!(x > 0) || x == __builtin_inff())
        return x;
    union {
        float value;
        u32 bits;
    } root = {x};
    root.bits = (root.bits >> 1) + 0x1fc00000;
    for (int i = 0; i < 4; i++)
        root.value = 0.5f * (root.value + x / root.value);
    return root.value;
}

/* ---- double */

ROM double _dadd(double a, double b) { return a + b; }
ROM double _dsub(double a, double b) { return a - b; }
ROM double _dmul(double a, double b) { return a * b; }
ROM double _ddiv(double a, double b) { return a / b; }
ROM double _int2double(int a) { return a; }
ROM double _uint2double(u32 a) { return a; }
ROM double _int642double(i64 a) { return a; }
ROM double _uint642double(u64 a) { return a; }
ROM float _double2float(double a) { return a; }

/* ---- to integers: rounded down, and the nearest there is where the number is too large, unlike C's */

#define TO_SIGNED(NAME, FROM, TO, LIMIT, LEAST, GREATEST)     \
    ROM TO NAME(FROM a)                                       \
    {                                                         \
        if (a >= LIMIT)                                       \
            return GREATEST;                                  \
        if (a < -LIMIT)                                       \
            return LEAST;                                     \
        TO whole = a;                                         \
        return (FROM)whole > a ? whole - 1 : whole;           \
    }

#define TO_UNSIGNED(NAME, FROM, TO, LIMIT)                    \
    ROM TO NAME(FROM a)                                       \
    {                                                         \
        if (!(a > 0))                                         \
            return 0;                                         \
        return a >= LIMIT ? ~(TO)0 : (TO)a;                   \
    }

TO_SIGNED(_float2int, float, int, 0x1p31f, -0x7fffffff - 1, 0x7fffffff)
TO_SIGNED(_double2int, double, int, 0x1p31, -0x7fffffff - 1, 0x7fffffff)
TO_SIGNED(_float2int64, float, i64, 0x1p63f, -0x7fffffffffffffffll - 1, 0x7fffffffffffffffll)
TO_SIGNED(_double2int64, double, i64, 0x1p63, -0x7fffffffffffffffll - 1, 0x7fffffffffffffffll)
TO_UNSIGNED(_float2uint, float, u32, 0x1p32f)
TO_UNSIGNED(_double2uint, double, u32, 0x1p32)
TO_UNSIGNED(_float2uint64, float, u64, 0x1p64f)
TO_UNSIGNED(_double2uint64, double, u64, 0x1p64)
