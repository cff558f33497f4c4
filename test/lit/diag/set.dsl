// RUN: cleave check --quiet --set Batch=8 --set Seq=3 --set rate=1e-2 --set deep=false --set count=-3 %s
// RUN: not cleave check --quiet --set Btach=3 --set Rows=2 --set Batch=0 --set raet=1 %s 2>&1 | FileCheck %s
// RUN: not cleave check --quiet --set Seq=2 --set Batch=two --set rate=fast --set deep=2 --set count=0.5 %s 2>&1 | FileCheck --check-prefix VALUE %s
// RUN: not cleave check --quiet --set Seq=99999999999999999999 %s 2>&1 | FileCheck --check-prefix WIDE %s
// Axes and hypers set from the command line. What is wrong there has no place in a file.
// CHECK-DAG: error[E406]: --set names an axis or a hyper of the program, found unknown name 'Btach'
// CHECK-DAG: hint: did you mean 'Batch'?
// CHECK-DAG: error[E406]: --set does not take an alias, found that Rows has the size of Batch
// CHECK-DAG: hint: --set Batch=2
// CHECK-DAG: error[E402]: an axis has at least one element, found --set Batch=0
// CHECK-DAG: error[E406]: --set names an axis or a hyper of the program, found unknown name 'raet'
// CHECK-DAG: hint: did you mean 'rate'?
// CHECK-DAG: set.dsl:[[#@LINE+6]]:31: error[E401]: every axis has a size, found none for Seq
// VALUE-DAG: error[E407]: --set gives an axis a whole number below 2^63, found 'two' for Batch
// VALUE-DAG: error[E407]: --set gives rate a value of type f32, found 'fast'
// VALUE-DAG: error[E407]: --set gives deep a value of type bool, found '2'
// VALUE-DAG: error[E407]: --set gives count a value of type i32, found '0.5'
// WIDE: error[E407]: --set gives an axis a whole number below 2^63, found '99999999999999999999' for Seq
axis Batch = 4, Rows = Batch, Seq
hyper rate: f32 = 0.1, deep: bool = true, count: i32 = 2
function f(x: f32[Batch, Seq]) -> f32[Batch, Seq] { return x * rate * f32(count) }
