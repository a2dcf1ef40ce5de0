//! Random primes for RSA keys.
//!
//! Charts that make certificates spend nearly all their time here, so the arithmetic is for numbers of a fixed size: a
//! sieve over a run of odd numbers, then Miller-Rabin in Montgomery form. It is not constant-time, as neither are the
//! templates that print the key afterwards.

use crate::value::Env;

/// Odd numbers looked at from one random start: about three primes of 1024 bits are among them.
const RUN: usize = 1024;
/// Divisors tried before Miller-Rabin are below this.
const SIEVE: usize = 1 << 14;
/// Miller-Rabin rounds with random bases: FIPS 186-5 asks for 5 at 1024 bits, fewer at more.
const ROUNDS: usize = 8;
/// The public exponent of all keys.
pub(super) const EXPONENT: u32 = 65_537;

/// A random prime of exactly `64 * N` bits, lowest limb first. The two highest bits are set, so that the product of two
/// such primes has twice the bits, and the prime less one is coprime to [`EXPONENT`].
pub(super) fn prime<const N: usize>(env: &dyn Env) -> [u64; N] {
    let divisors = odd_primes();
    loop {
        let mut start = random(env);
        start[0] |= 1;
        start[N - 1] |= 3 << 62;
        let composite = sieve(&start, &divisors);
        let candidates = (0..RUN).filter(|&k| !composite[k]).filter_map(|k| plus(&start, 2 * k as u64));
        for candidate in candidates {
            if remainder(&candidate, u64::from(EXPONENT)) != 1 && Modulus::new(candidate).is_prime(env) {
                return candidate;
            }
        }
    }
}

/// The bytes of a number, highest first.
pub(super) fn big_endian<const N: usize>(number: &[u64; N]) -> Vec<u8> {
    number.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect()
}

fn random<const N: usize>(env: &dyn Env) -> [u64; N] {
    let mut number = [0; N];
    for limb in &mut number {
        let mut bytes = [0; 8];
        env.random(&mut bytes);
        *limb = u64::from_le_bytes(bytes);
    }
    number
}

/// The odd primes below [`SIEVE`].
fn odd_primes() -> Vec<u64> {
    let mut composite = vec![false; SIEVE];
    let mut primes = Vec::new();
    for n in (3..SIEVE).step_by(2) {
        if !composite[n] {
            primes.push(n as u64);
            (n * n..SIEVE).step_by(2 * n).for_each(|multiple| composite[multiple] = true);
        }
    }
    primes
}

/// Which of `start`, `start + 2`, … have a small divisor.
fn sieve<const N: usize>(start: &[u64; N], divisors: &[u64]) -> [bool; RUN] {
    let mut composite = [false; RUN];
    for &divisor in divisors {
        // The k with start + 2k ≡ 0: half of -start, and half is (divisor + 1) / 2.
        let k = (divisor - remainder(start, divisor)) * divisor.div_ceil(2) % divisor;
        (k as usize..RUN).step_by(divisor as usize).for_each(|at| composite[at] = true);
    }
    composite
}

/// The remainder for a divisor below 2³².
fn remainder<const N: usize>(number: &[u64; N], divisor: u64) -> u64 {
    number.iter().rev().fold(0, |rest, limb| {
        let high = (rest << 32 | limb >> 32) % divisor;
        (high << 32 | limb & 0xffff_ffff) % divisor
    })
}

/// The sum, unless it has more limbs.
fn plus<const N: usize>(number: &[u64; N], more: u64) -> Option<[u64; N]> {
    let mut sum = *number;
    let mut carry = more;
    for limb in &mut sum {
        let (low, over) = limb.overflowing_add(carry);
        (*limb, carry) = (low, u64::from(over));
    }
    (carry == 0).then_some(sum)
}

/// `a + b * c + carry`, as low and high limb.
fn multiply_add(a: u64, b: u64, c: u64, carry: u64) -> (u64, u64) {
    let sum = u128::from(a) + u128::from(b) * u128::from(c) + u128::from(carry);
    #[allow(clippy::cast_possible_truncation, reason = "the halves of the sum")]
    (sum as u64, (sum >> 64) as u64)
}

/// An odd number with its highest bit set, and arithmetic modulo it in Montgomery form (`x · 2^64N`).
struct Modulus<const N: usize> {
    n: [u64; N],
    /// `-1 / n` modulo 2⁶⁴.
    inverse: u64,
    /// 1 in Montgomery form.
    one: [u64; N],
    /// -1 in Montgomery form.
    minus_one: [u64; N],
}

impl<const N: usize> Modulus<N> {
    fn new(n: [u64; N]) -> Self {
        // Newton's iteration doubles the bits that are right; an odd number is its own inverse modulo 8.
        let inverse = (0..5).fold(n[0], |x, _| x.wrapping_mul(2u64.wrapping_sub(n[0].wrapping_mul(x))));
        // 2^64N - n: less than n, whose highest bit is set.
        let one = subtract(&[0; N], &n);
        Self { n, inverse: inverse.wrapping_neg(), one, minus_one: subtract(&n, &one) }
    }

    /// Miller-Rabin with base 2, which nearly every composite fails, then with random ones.
    fn is_prime(&self, env: &dyn Env) -> bool {
        self.passes(&self.double(&self.one)) && (0..ROUNDS).all(|_| self.passes(&random(env)))
    }

    fn double(&self, x: &[u64; N]) -> [u64; N] {
        let mut carry = 0;
        let doubled = x.map(|limb| limb << 1 | std::mem::replace(&mut carry, limb >> 63));
        if carry != 0 || !less(&doubled, &self.n) { subtract(&doubled, &self.n) } else { doubled }
    }

    /// One round; the base is in Montgomery form, in which a random number stands for another random number.
    fn passes(&self, base: &[u64; N]) -> bool {
        let base = if less(base, &self.n) { *base } else { subtract(base, &self.n) };
        // n - 1 = odd · 2^twos.
        let mut even = self.n;
        even[0] -= 1;
        let twos = trailing_zeros(&even);
        let mut x = self.power(&base, &even, twos);
        if x == self.one || x == self.minus_one {
            return true;
        }
        for _ in 1..twos {
            x = self.multiply(&x, &x);
            if x == self.minus_one {
                return true;
            }
        }
        false
    }

    /// `base` to the power of `exponent >> shift`, four bits at a time.
    fn power(&self, base: &[u64; N], exponent: &[u64; N], shift: usize) -> [u64; N] {
        let mut powers = [self.one; 16];
        for i in 1..powers.len() {
            powers[i] = self.multiply(&powers[i - 1], base);
        }
        let bit = |at: usize| (exponent.get(at / 64).map_or(0, |limb| limb >> (at % 64)) & 1) as usize;
        let digits = (64 * N - shift).div_ceil(4);
        let mut x = self.one;
        for digit in (0..digits).rev() {
            for _ in 0..4 {
                x = self.multiply(&x, &x);
            }
            let at = shift + 4 * digit;
            let digit = bit(at) | bit(at + 1) << 1 | bit(at + 2) << 2 | bit(at + 3) << 3;
            if digit != 0 {
                x = self.multiply(&x, &powers[digit]);
            }
        }
        x
    }

    /// Montgomery multiplication: after each limb of `b`, a multiple of n makes the lowest limb zero and it is dropped.
    fn multiply(&self, a: &[u64; N], b: &[u64; N]) -> [u64; N] {
        let mut out = [0; N];
        let mut top = 0u64;
        for &limb in b {
            let mut carry = 0;
            for (out, &a) in out.iter_mut().zip(a) {
                (*out, carry) = multiply_add(*out, a, limb, carry);
            }
            let (sum, over) = top.overflowing_add(carry);
            let factor = out[0].wrapping_mul(self.inverse);
            let (_, mut carry) = multiply_add(out[0], factor, self.n[0], 0);
            for j in 1..N {
                (out[j - 1], carry) = multiply_add(out[j], factor, self.n[j], carry);
            }
            let (last, over_again) = sum.overflowing_add(carry);
            out[N - 1] = last;
            top = u64::from(over) + u64::from(over_again);
        }
        if top != 0 || !less(&out, &self.n) { subtract(&out, &self.n) } else { out }
    }
}

fn less<const N: usize>(a: &[u64; N], b: &[u64; N]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

/// `a - b` modulo 2^64N.
fn subtract<const N: usize>(a: &[u64; N], b: &[u64; N]) -> [u64; N] {
    let mut out = [0; N];
    let mut borrow = false;
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        let (first, under) = a.overflowing_sub(*b);
        let (second, under_again) = first.overflowing_sub(u64::from(borrow));
        (*out, borrow) = (second, under || under_again);
    }
    out
}

fn trailing_zeros<const N: usize>(number: &[u64; N]) -> usize {
    let zero_limbs = number.iter().take_while(|limb| **limb == 0).count();
    64 * zero_limbs + number.get(zero_limbs).map_or(0, |limb| limb.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::*;
    use crate::value::FuncError;

    /// Bytes of a simple generator: the same ones every time.
    struct Fixed(std::cell::Cell<u64>);

    impl Env for Fixed {
        fn now(&self) -> jiff::Zoned {
            jiff::Zoned::default()
        }
        fn random(&self, buf: &mut [u8]) {
            for byte in buf {
                let next = self.0.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                self.0.set(next);
                *byte = (next >> 56) as u8;
            }
        }
        fn charge(&self, _: u64) -> Result<(), FuncError> {
            Ok(())
        }
    }

    fn big<const N: usize>(number: &[u64; N]) -> BigUint {
        BigUint::from_bytes_be(&big_endian(number))
    }

    #[test]
    fn montgomery_multiplication_is_multiplication() {
        let env = Fixed(7.into());
        for _ in 0..200 {
            let mut n: [u64; 3] = random(&env);
            n[0] |= 1;
            n[2] |= 1 << 63;
            let modulus = Modulus::new(n);
            let (a, b) = (random(&env), [u64::MAX, 0, random::<1>(&env)[0]]);
            let [a, b] = [a, b].map(|x| if less(&x, &n) { x } else { subtract(&x, &n) });
            let r = (BigUint::from(1u8) << 192) % big(&n);
            assert_eq!(big(&modulus.multiply(&a, &b)) * r % big(&n), big(&a) * big(&b) % big(&n));
        }
    }

    #[test]
    fn primes_are_told_from_composites() {
        let env = Fixed(1.into());
        // Around 2⁶⁴ and 2¹²⁸: the largest primes below, a square of a prime, a product of two.
        for (n, prime) in
            [(u128::from(u64::MAX) - 58, true), (u128::from(u64::MAX) - 56, false), (u128::from(u64::MAX) - 82, true)]
        {
            assert_eq!(Modulus::new([n as u64]).is_prime(&env), prime, "{n}");
        }
        for (n, prime) in [
            (u128::MAX - 158, true),
            (u128::MAX - 172, true),
            (u128::MAX - 160, false),
            ((u128::from(u64::MAX) - 58) * (u128::from(u64::MAX) - 58), false),
            ((u128::from(u64::MAX) - 58) * (u128::from(u64::MAX) - 82), false),
        ] {
            assert_eq!(Modulus::new([n as u64, (n >> 64) as u64]).is_prime(&env), prime, "{n}");
        }
    }

    #[test]
    fn a_prime_has_its_size_and_fermat_agrees() {
        let env = Fixed(3.into());
        for _ in 0..20 {
            let p = big(&prime::<4>(&env));
            assert_eq!(p.bits(), 256);
            assert!(p.bit(254) && p.bit(0));
            let one = BigUint::from(1u8);
            for base in [2u8, 3, 5, 7, 11] {
                assert_eq!(BigUint::from(base).modpow(&(&p - &one), &p), one);
            }
            assert_ne!(&p % EXPONENT, one);
        }
    }
}
