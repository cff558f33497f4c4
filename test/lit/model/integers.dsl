// RUN: %cleave ir --stage model %s | %FileCheck %s
// Division rounds down and the remainder has the divisor's sign.
entry f(a: i32, b: i32) -> (q: i32, r: i32) {
  return a / b, a % b
}
