// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: cleave check --quiet %t/right.dsl
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// What may follow a backslash in a string.

//--- right.dsl
entry run(x: f32) -> (y: f32) {
  print("a \"word\",\ta back \\ slash,\nand a new line", x)
  return x
}

//--- wrong.dsl
entry run(x: f32) -> (y: f32) {
// CHECK: wrong.dsl:[[#@LINE+1]]:9: error[E002]: a backslash in a string is followed by n, t, " or \, found 'q'
  print("a \q", x)
  return x
}
