// RUN: %cleave-opt %s | %FileCheck %s

// Axis names are part of a tensor's type and survive a round trip.
// CHECK-LABEL: func.func @keep(
// CHECK-SAME: tensor<8x256xf32, #model.axes<Batch, Seq>>
func.func @keep(%x: tensor<8x256xf32, #model.axes<Batch, Seq>>) -> tensor<8x256xf32, #model.axes<Batch, Seq>> {
  return %x : tensor<8x256xf32, #model.axes<Batch, Seq>>
}
