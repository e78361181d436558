/** How far a video is, without a browser. */

/** Of one bar for both: how much of it is the sending, the rest is the encoding. */
const SENDING = 0.5;

export const whole = (sent: number, encoded: number): number => SENDING * sent + (1 - SENDING) * encoded;
