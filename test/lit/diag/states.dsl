// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// RUN: cleave check --quiet %t/right.dsl
// RUN: not cleave run --quiet %t/right.dsl 2>&1 | FileCheck %s --check-prefix=PEAK
// States that fit 63 bits each, and do not together.

//--- wrong.dsl
axis N = 600000000, M = 600000000
state first: f64[N, M] = 0
// CHECK: wrong.dsl:[[#@LINE+1]]:7: error[E403]: the bytes of all states together are counted in 62 bits, found more with second: f64[N, M]
state second: f64[N, M] = 0
state third: f64[N, M] = 0
// CHECK-NOT: error
entry train() -> (y: f64) {
  return first[0, 0] + second[1, 1] + third[2, 2]
}
//--- right.dsl
axis N = 500000000, M = 500000000
state first: f64[N, M] = 0
state second: f64[N, M] = 0
// PEAK: error[E703]: a program must fit in the machine's memory, found a peak of
entry train() -> (y: f64) {
  return first[0, 0] + second[1, 1]
}
