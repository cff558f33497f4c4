// RUN: %cleave-opt --verify-memory-stage -split-input-file -verify-diagnostics %s

// What a collective works on is left alone until its wait. Each rejected plan stands behind the accepted one.
!t = tensor<16xf32, #model.axes<N>>
dist.mesh @m ["dp"] = [2]
func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>}
func.func @apart(%x: !t {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (!t {model.output = "y", pipe.place = #pipe.place<output 0, 0>}, !t {model.output = "z", pipe.place = #pipe.place<output 1, 0>}) attributes {model.entry, pipe.scratch_bytes = 128 : i64} {
  %a = pipe.launch @k(%x) {places = [#pipe.place<scratch, 0>]} : (!t) -> !t
  %s = comm.all_reduce sum %a over @m [#dist.axis<"dp">] {async, places = [#pipe.place<scratch, 64>]} : !t
  %y = pipe.launch @k(%a) {places = [#pipe.place<output 0, 0>]} : (!t) -> !t
  %w = comm.wait %s {places = [#pipe.place<scratch, 64>]} : !t
  %z = pipe.launch @k(%w) {places = [#pipe.place<output 1, 0>]} : (!t) -> !t
  return %y, %z : !t, !t
}

// -----

!t = tensor<16xf32, #model.axes<N>>
dist.mesh @m ["dp"] = [2]
func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>}
func.func @operand(%x: !t {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (!t {model.output = "z", pipe.place = #pipe.place<output 0, 0>}) attributes {model.entry, pipe.scratch_bytes = 128 : i64} {
  %a = pipe.launch @k(%x) {places = [#pipe.place<scratch, 0>]} : (!t) -> !t
  %s = comm.all_reduce sum %a over @m [#dist.axis<"dp">] {async, places = [#pipe.place<scratch, 64>]} : !t
  // expected-error @below {{what a collective works on is left alone until its wait, got a write to the operand of a comm.all_reduce}}
  %y = pipe.launch @k(%x) {places = [#pipe.place<scratch, 0>]} : (!t) -> !t
  %w = comm.wait %s {places = [#pipe.place<scratch, 64>]} : !t
  %z = pipe.launch @k(%w) {places = [#pipe.place<output 0, 0>]} : (!t) -> !t
  return %z : !t
}

// -----

!t = tensor<16xf32, #model.axes<N>>
dist.mesh @m ["dp"] = [2]
func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>}
func.func @result(%x: !t {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (!t {model.output = "z", pipe.place = #pipe.place<output 0, 0>}) attributes {model.entry, pipe.scratch_bytes = 160 : i64} {
  %a = pipe.launch @k(%x) {places = [#pipe.place<scratch, 0>]} : (!t) -> !t
  %s = comm.all_reduce sum %a over @m [#dist.axis<"dp">] {async, places = [#pipe.place<scratch, 64>]} : !t
  // expected-error @below {{what a collective works on is left alone until its wait, got a write to the result of a comm.all_reduce}}
  %y = pipe.launch @k(%x) {places = [#pipe.place<scratch, 96>]} : (!t) -> !t
  %w = comm.wait %s {places = [#pipe.place<scratch, 64>]} : !t
  %z = pipe.launch @k(%w) {places = [#pipe.place<output 0, 0>]} : (!t) -> !t
  return %z : !t
}

// -----

// Two buffers that take turns: a turn sends from one while the next makes the other.
!t = tensor<16xf32, #model.axes<N>>
!h = tensor<8xf32, #model.axes<N>>
!s = tensor<5x8xf32, #model.axes<L, N>>
dist.mesh @m ["dp"] = [2]
func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>}
func.func @turns(%x: !t {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (!s {model.output = "z", pipe.place = #pipe.place<output 0, 0>}) attributes {model.entry, pipe.scratch_bytes = 136 : i64} {
  %g = pipe.loop count 5 over "L" carries() slices() {
  ^bb0(%i: tensor<i64>):
    %a = pipe.launch @k(%x) {places = [#pipe.place<scratch, 0, [depth 0 mod 2 * 64]>]} : (!t) -> !t
    %p = comm.reduce_scatter sum %a dim 0 over @m [#dist.axis<"dp">] {async, places = [#pipe.place<output 0, 0, [depth 0 * 32]>]} : !t -> !h
    pipe.yield %p : !h
  } {places = [#pipe.place<output 0, 0>], arg_places = [#pipe.place<scratch, 128>]} : (), () -> (!s)
  %w = comm.wait %g {places = [#pipe.place<output 0, 0>]} : !s
  return %w : !s
}

// -----

!t = tensor<16xf32, #model.axes<N>>
!h = tensor<8xf32, #model.axes<N>>
!s = tensor<5x8xf32, #model.axes<L, N>>
dist.mesh @m ["dp"] = [2]
func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>}
func.func @one(%x: !t {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (!s {model.output = "z", pipe.place = #pipe.place<output 0, 0>}) attributes {model.entry, pipe.scratch_bytes = 136 : i64} {
  %g = pipe.loop count 5 over "L" carries() slices() {
  ^bb0(%i: tensor<i64>):
    // expected-error @below {{what a collective works on is left alone until its wait, got a write to the operand of a comm.reduce_scatter}}
    %a = pipe.launch @k(%x) {places = [#pipe.place<scratch, 0>]} : (!t) -> !t
    %p = comm.reduce_scatter sum %a dim 0 over @m [#dist.axis<"dp">] {async, places = [#pipe.place<output 0, 0, [depth 0 * 32]>]} : !t -> !h
    pipe.yield %p : !h
  } {places = [#pipe.place<output 0, 0>], arg_places = [#pipe.place<scratch, 128>]} : (), () -> (!s)
  %w = comm.wait %g {places = [#pipe.place<output 0, 0>]} : !s
  return %w : !s
}

// -----

!t = tensor<16xf32, #model.axes<N>>
!h = tensor<8xf32, #model.axes<N>>
!s = tensor<5x8xf32, #model.axes<L, N>>
dist.mesh @m ["dp"] = [2]
func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>}
func.func @never(%x: !t {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (!s {model.output = "z", pipe.place = #pipe.place<output 0, 0>}) attributes {model.entry, pipe.scratch_bytes = 136 : i64} {
  %g = pipe.loop count 5 over "L" carries() slices() {
  ^bb0(%i: tensor<i64>):
    %a = pipe.launch @k(%x) {places = [#pipe.place<scratch, 0, [depth 0 mod 2 * 64]>]} : (!t) -> !t
    // expected-error @below {{a collective that is begun is waited for, got none}}
    %p = comm.reduce_scatter sum %a dim 0 over @m [#dist.axis<"dp">] {async, places = [#pipe.place<output 0, 0, [depth 0 * 32]>]} : !t -> !h
    pipe.yield %p : !h
  } {places = [#pipe.place<output 0, 0>], arg_places = [#pipe.place<scratch, 128>]} : (), () -> (!s)
  return %g : !s
}
