/** Doubles as C's `%.17g` prints them: as many digits as bring the same double back. */

const DIGITS_MAX = 17;
const EXPONENT_MIN = -4;

/** @returns 1 as `1`, 0.1 as `0.10000000000000001`, 1e21 as `1e+21`, and what is no number as C. */
export function formatDouble(value: number): string {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return String(value);
  if (Number.isNaN(value)) return 'nan';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  if (!Number.isFinite(value)) return `${sign}inf`;
  const { digits, exponent } = roundedToEven(Math.abs(value));
  if (exponent < EXPONENT_MIN || exponent >= DIGITS_MAX) {
    const size = String(Math.abs(exponent)).padStart(2, '0');
    const fraction = digits.slice(1) && `.${digits.slice(1)}`;
    return `${sign}${digits[0]}${fraction}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  const padded = '0'.repeat(Math.max(0, -exponent)) + digits.padEnd(exponent + 1, '0');
  const point = Math.max(0, exponent) + 1;
  const fraction = padded.slice(point) && `.${padded.slice(point)}`;
  return `${sign}${padded.slice(0, point)}${fraction}`;
}

interface Decimal {
  /** Without zeroes at the end; the first one stands before the point. */
  readonly digits: string;
  readonly exponent: number;
}

/** JavaScript rounds what lies halfway between two decimals up, C to the one that is even. */
function roundedToEven(value: number): Decimal {
  const rounded = decimalOf(value.toExponential(DIGITS_MAX - 1));
  const exact = decimalOf(value.toExponential(100));
  const isHalfway = exact.digits.length === DIGITS_MAX + 1 && exact.digits.endsWith('5');
  const isEven = '02468'.includes(exact.digits[DIGITS_MAX - 1] ?? '');
  if (!isHalfway || !isEven) return rounded;
  return { digits: withoutZeroes(exact.digits.slice(0, DIGITS_MAX)), exponent: exact.exponent };
}

function decimalOf(text: string): Decimal {
  const [mantissa = '', exponent] = text.split('e');
  return { digits: withoutZeroes(mantissa.replace('.', '')), exponent: Number(exponent) };
}

function withoutZeroes(digits: string): string {
  return digits.replace(/(?!^)0+$/, '');
}
