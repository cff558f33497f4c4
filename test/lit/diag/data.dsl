// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// RUN: cleave check --quiet %t/right.dsl
// Data sources and the inputs they feed.

//--- wrong.dsl
axis Batch = 4, Seq = 8
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:16: error[E510]: a data source is bytes(...), tokens(...), npy(...) or synthetic(...), found another expression
data unknown = byets("x.bin")
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:16: error[E510]: a data source names its files, found none
data nothing = bytes()
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:17: error[E510]: tokens(...) says its type, found none
data typeless = tokens("x.bin")
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:33: error[E510]: tokens(...) takes file names and a type u8, u16, i32 or i64, found another argument
data mistyped = tokens("x.bin", f32)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:24: error[E510]: synthetic data is normal, uniform or integers(below: n), found another expression
data drawn = synthetic(gaussian)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:40: error[E510]: integers are drawn below a positive number, found 0
data below = synthetic(integers(below: 0))
data text = bytes("x.bin")
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:21: error[E301]: an input has the element type of its source, found f32[Batch, Seq] where text gives u8
// CHECK-DAG: note: the source is declared here
entry wrong_type(x: f32[Batch, Seq] from text) -> (y: f32) { return x[0, 0] }
data words = tokens("x.bin", u16)
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:23: error[E301]: an input has the element type of its source, found u8[Batch, Seq] where words gives i32
// CHECK-DAG: note: the source is declared here
entry wrong_tokens(x: u8[Batch, Seq] from words) -> (y: u8) { return x[0, 0] }
data noise = synthetic(uniform)
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:19: error[E301]: an input has the element type of its source, found i32[Batch] where noise gives a floating-point type
// CHECK-DAG: note: the source is declared here
entry integers(x: i32[Batch] from noise) -> (y: i32) { return x[0] }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:17: error[E203]: an input from a source has at least one axis, found f32
entry scalar(x: f32 from noise) -> (y: f32) { return x }

//--- right.dsl
axis Batch = 4, Seq = 8
data unknown = bytes("x.bin")
data nothing = bytes("a", "b")
data typeless = tokens("x.bin", u16)
data mistyped = tokens("x.bin", i32)
data drawn = synthetic(normal)
data below = synthetic(integers(below: 10))
data text = bytes("x.bin")
entry right_type(x: u8[Batch, Seq] from text) -> (y: u8) { return x[0, 0] }
data words = tokens("x.bin", u16)
entry right_tokens(x: i32[Batch, Seq] from words) -> (y: i32) { return x[0, 0] }
data noise = synthetic(uniform)
entry integers(x: f32[Batch] from noise) -> (y: f32) { return x[0] }
entry scalar(x: f32[Batch] from noise) -> (y: f32) { return x[0] }
