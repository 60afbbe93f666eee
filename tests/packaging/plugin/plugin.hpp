// What the host asks of the plug-in, whose densimd is another one than the host's.
#pragma once

extern "C" {
/// Makes an ISA the active one, by its number.
[[gnu::visibility("default")]] void plugin_set_isa(int isa);
[[gnu::visibility("default")]] int plugin_isa();
/// Where its kernels are.
[[gnu::visibility("default")]] const void* plugin_kernels();
/// The length of the message of an error that its densimd throws and it catches.
[[gnu::visibility("default")]] unsigned long plugin_catches();
/// What a network of its own predicts after some training.
[[gnu::visibility("default")]] float plugin_learns();
}
