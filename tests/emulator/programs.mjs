// Python programs that boards run in comparisons and measurements: functions of how much they shall do, 1 being tens of millions of
// cycles.
const times = (factor, count) => Math.max(1, Math.round(factor * count));

/** Bytecode: dictionaries, lists, calls. */
export const interpreted = (factor) => `
def work(n):
    d = {}
    s = 0
    names = ['a%d' % i for i in range(20)]
    for i in range(n):
        k = names[i % 20]
        d[k] = d.get(k, 0) + i
        s = (s * 31 + len(k) + d[k]) & 0xffff
        l = [x * 2 for x in range(5)]
        s ^= sum(l)
    return s
print(work(${times(factor, 2000)}))
`;

export const floats = (factor) => `
import math
def work(n):
    x = 0.0
    for i in range(n):
        x += math.sin(i) * 1.5 / (i + 1)
        x = x * 0.999 + 1e-3
    return x
print(work(${times(factor, 4000)}))
`;

export const viper = (factor) => `
@micropython.viper
def work(n: int) -> int:
    buf = bytearray(256)
    p = ptr8(buf)
    s = 1
    for i in range(n):
        j = i & 255
        p[j] = s
        s = (s * 31 + p[(j * 7) & 255]) & 0xffff
        if s & 1:
            s ^= 0x1234
    return s
print(work(${times(factor, 300000)}))
`;

export const native = (factor) => `
@micropython.native
def work(n):
    s = 0
    l = [1, 2, 3, 4, 5, 6, 7, 8]
    for i in range(n):
        s = (s + l[i & 7] * i) & 0xffff
    return s
print(work(${times(factor, 30000)}))
`;

export const assembled = (factor) => `
import array
@micropython.asm_thumb
def dot(r0, r1, r2):
    mov(r3, 0)
    label(LOOP)
    ldrb(r4, [r0, 0])
    ldrb(r5, [r1, 0])
    mul(r4, r5)
    add(r3, r3, r4)
    ldrb(r4, [r0, 1])
    ldrb(r5, [r1, 1])
    mul(r4, r5)
    add(r3, r3, r4)
    add(r0, 2)
    add(r1, 2)
    sub(r2, 2)
    bgt(LOOP)
    mov(r0, r3)
a = bytearray((i * 7) & 255 for i in range(1024))
b = bytearray((i * 13) & 255 for i in range(1024))
s = 0
for i in range(${times(factor, 2000)}):
    s = (s + dot(a, b, 1024)) & 0xffffff
print(s)
`;

/** Objects, exceptions, generators, long numbers, the hardware divider. */
export const objects = (factor) => `
class A:
    def __init__(self, v): self.v = v
    def __add__(self, o): return A((self.v + o.v) % 1000003)
def gen(n):
    for i in range(n):
        try:
            if i % 7 == 0: raise ValueError(i)
            yield A(i * i)
        except ValueError as e:
            yield A(e.args[0])
t = A(0)
for x in gen(${times(factor, 4000)}): t = t + x
big = 1
for i in range(1, ${times(factor, 1000)}): big = big * i + i
print(t.v, big % 1000000007, '%.6f' % (3.5 ** 2.5), sorted(['b', 'a', 'c'], key=lambda s: -ord(s)), 2**64 // 12345, -7 // 2)
`;

/** Interrupts of timers and pins, the ADC, sleep. */
export const interrupts = (factor) => `
import machine, time
hits = [0, 0, 0]
def tick(t): hits[0] += 1
def tock(t): hits[1] += 1
def rise(pin): hits[2] += 1
t1 = machine.Timer(period=3, callback=tick)
t2 = machine.Timer(period=7, mode=machine.Timer.PERIODIC, callback=tock)
p = machine.Pin(15, machine.Pin.OUT)
q = machine.Pin(14, machine.Pin.IN, machine.Pin.PULL_UP)
p.irq(rise, machine.Pin.IRQ_RISING)
s = 0
for i in range(${times(factor, 6000)}):
    p(i & 1)
    s = (s * 7 + i + time.ticks_us()) & 0xffff
    if i % 300 == 0: time.sleep_ms(2)
t1.deinit(); t2.deinit()
adc = machine.ADC(0)
print(hits, s, [adc.read_u16() for i in range(4)], time.ticks_ms())
`;

/** Files: the processor stands still while flash is erased and programmed, and runs from RAM then. */
export const files = (factor) => `
import os, json
for i in range(${times(factor, 60)}):
    with open('f%d' % (i % 3), 'w') as f:
        f.write(json.dumps({'a': list(range(60)), 'i': i}) * 3)
print(os.listdir(), os.stat('f0')[6])
`;

/** Code that is compiled, run until it is hot, and collected, again and again at the same places. */
export const recompiled = (factor) => `
import gc, micropython
out = 0
for i in range(${times(factor, 60)}):
    src = '''
@micropython.viper
def f(n: int) -> int:
    s = %d
    for i in range(n):
        s = (s * 31 + i) & 0xffff
    return s
@micropython.native
def g(n):
    s = 0
    for i in range(n):
        s += i * %d
    return s
@micropython.asm_thumb
def h(r0):
    mov(r1, %d)
    label(A)
    add(r1, r1, r0)
    sub(r0, 1)
    bne(A)
    mov(r0, r1)
''' % (i, i, i & 127)
    d = {'micropython': micropython}
    exec(src, d)
    out = (out * 3 + d['f'](400) + d['g'](300) + d['h'](300)) & 0xffffff
    del d
    gc.collect()
print(out, gc.mem_alloc() > 0)
`;

/** Code that is changed while it is hot: from outside, and by itself, in the instruction that comes next but one. */
export const selfModifying = (factor) => `
import array, uctypes
@micropython.asm_thumb
def call(r0, r1, r2):
    data(2, 0x4788)
code = array.array('H', [0x3001, 0x4770] * 8)
a = uctypes.addressof(code)
s = 0
for i in range(${times(factor, 6000)}):
    if i % 50 == 0: code[0] = 0x3000 + (i // 50) % 256
    s = call(s & 0xffff, a | 1, 0)
inner = array.array('H', [0x808a, 0x46c0, 0x3001, 0x4770])
@micropython.asm_thumb
def call2(r0, r1, r2):
    mov(r3, r1)
    sub(r1, 1)
    data(2, 0x4798)
b = uctypes.addressof(inner)
for i in range(${times(factor, 6000)}):
    s = call2(s & 0xffff, b | 1, 0x3000 + i % 7)
print(s)
`;

/** Sound by programmable I/O into a ring of DMA, without interrupts, while the processor computes; a microphone is at pins 16 to 18. */
export const listening = (factor) => `
import rp2, uctypes, machine
from machine import Pin
@rp2.asm_pio(sideset_init=(rp2.PIO.OUT_LOW, rp2.PIO.OUT_LOW), in_shiftdir=rp2.PIO.SHIFT_LEFT, autopush=True, push_thresh=32,
    fifo_join=rp2.PIO.JOIN_RX)
def i2s_left():
    set(x, 30)        .side(0b00)
    label('l')
    in_(pins, 1)      .side(0b01)
    jmp(x_dec, 'l')   .side(0b00)
    in_(pins, 1)      .side(0b11)
    set(x, 30)        .side(0b10)
    label('r')
    nop()             .side(0b11)
    jmp(x_dec, 'r')   .side(0b10)
    nop()             .side(0b01)
sm = rp2.StateMachine(0, i2s_left, freq=16000 * 64 * 2, sideset_base=Pin(16), in_base=Pin(18))
RING = 11
raw = bytearray(2 << RING)
base = uctypes.addressof(raw)
ring = (base + (1 << RING) - 1) & ~((1 << RING) - 1)
d = rp2.DMA()
c = d.pack_ctrl(size=2, inc_read=False, inc_write=True, ring_sel=True, ring_size=RING, treq_sel=4, irq_quiet=True)
d.config(read=sm, write=ring, count=0xffffffff, ctrl=c, trigger=True)
sm.active(1)
@micropython.viper
def spin(n: int, at: int) -> int:
    p = ptr32(at)
    s = 0
    for i in range(n):
        s = (s * 31 + p[i & 511]) & 0xffff
    return s
a = d.count
s = [spin(4000, ring) for i in range(${times(factor, 100)})]
masked = machine.disable_irq()
s.append(spin(4000, ring))
machine.enable_irq(masked)
print(a - d.count, sum(s), bytes(uctypes.bytearray_at(ring, 16)).hex(), ring <= d.write < ring + (1 << RING))
sm.active(0); d.active(0); d.close(); rp2.PIO(0).remove_program()
`;
