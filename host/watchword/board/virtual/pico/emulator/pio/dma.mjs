// What programmable I/O needs of rp2040js's DMA: which FIFOs it waits for, and pacing timers that run at their rate.
const FIFOS = 16; // DREQs 0 to 15 are those of programmable I/O
const TIMER0 = 59;
const TIMER3 = 62;

/** DMA may ask for a FIFO's state as soon as a channel starts: the machines must be up to date then, and their next event is another. */
export function mendDma(dma, pio) {
  const write = dma.writeUint32.bind(dma);
  dma.writeUint32 = (offset, value) => {
    pio.sync();
    write(offset, value >>> 0); // a count of an atomic write comes as a negative number, which would end at once
    pio.schedule();
  };
  for (const channel of dma.channels) {
    const start = channel.start.bind(channel);
    channel.start = () => {
      pio.sync();
      start();
      pio.schedule();
    };
  }
  // TIMERn: X in the upper half, Y in the lower; a transfer every Y / X cycles. rp2040js takes X / Y, and shifts timer 3 by 36 bits.
  dma.getTimer = (request) => {
    if (request < TIMER0 || request > TIMER3) return 0;
    const timer = dma[`timer${request - TIMER0}`];
    const [x, y] = [timer >>> 16, timer & 0xffff];
    return x === 0 ? 0 : ((y / x) * 1e6) / dma.rp2040.clkSys;
  };
}

/** The DREQs of FIFOs for which an active channel waits, as a mask. */
export function requested(dma) {
  let mask = 0;
  for (const channel of dma.channels) {
    if (channel.treqValue < FIFOS && channel.active) mask |= 1 << channel.treqValue;
  }
  return mask;
}
