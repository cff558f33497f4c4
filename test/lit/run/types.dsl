// RUN: %cleave run %s --steps 1 --quiet
// Every element type is computed with, converted to and from, and kept as state.
import nn

axis N = 40, M = 3

state narrow: bf16[N] = 1
state half: f16[N] = normal(std: 0.5)
state bytes: u8[N] = 200
state small: i8[N] = -100
state flags: bool[N] = true
state wide: i64[N] = 1_000_000_000_000

function near(x: f64, y: f64, tolerance: f64) -> bool {
  return abs(x - y) <= tolerance
}

entry train() -> (done: bool) {
  let x[n: N] = f64(n) / 8
  let brief = bf16(x)
  assert(near(sum(n) f64(brief[n]), 97.5, 0.0), "eighths below 32 are exact in bf16")
  let gelu = nn.gelu(f16(x - 2))
  assert(near(f64(gelu[24]), 0.8411919906082768, 2e-3), "gelu in f16")
  let soft = nn.softmax(bf16(x), over: N)
  assert(near(sum(n) f64(soft[n]), 1.0, 1e-2), "softmax in bf16")
  let product = sum(n) f32(brief[n]) * f32(narrow[n])
  assert(product == 97.5, "bf16 products summed in f32")

  set bytes = bytes + 100
  let total = sum(n) i32(bytes[n])
  assert(total == 40 * 44, "u8 wraps")
  assert((max(n) bytes[n]) == 44 && (min(n: N) u8(f32(n) * 20 - 50)) == 0 && (max(n: N) u8(f32(n) * 20 - 50)) == 255, "u8 saturates")
  set small = small - 100
  assert((sum(n) i32(small[n])) == 40 * 56, "i8 wraps")
  assert((min(n: N) i8(n - 20)) == -20 && (sum(n: N) f32(i8(n - 20))) == -20, "i8 is signed")
  assert((sum(n) wide[n] * 3) == 120_000_000_000_000, "i64")
  assert(i32(-3.99) == -3 && i32(3.99) == 3 && i32(f32(1e30)) == 2147483647, "float to integer")

  let some[n: N] = flags[n] && n % 2 == 0 || n == 1
  assert((sum(n) where(some[n], 1, 0)) == 21, "bool")
  set flags = !flags
  assert((sum(n) i32(flags[n])) == 0, "not")

  let parts[m: M] = -7 + 7 * m
  assert(parts[0] / 2 == -4 && parts[0] % 4 == 1 && parts[0] % -4 == -3 && parts[2] / -2 == -4, "division rounds down")
  assert(near(f64(mean(n) half[n] * half[n]), 0.25, 0.2), "normal in f16")
  return true
}
