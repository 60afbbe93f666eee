// Everything a user of the networks needs.
#pragma once

#include <densimd/version.hpp>

#include <densimd/nn/activation.hpp>
#include <densimd/nn/csv.hpp>
#include <densimd/nn/data.hpp>
#include <densimd/nn/dense.hpp>
#include <densimd/nn/error.hpp>
#include <densimd/nn/matrix.hpp>
#include <densimd/nn/network.hpp>
#include <densimd/nn/threads.hpp>
#include <densimd/nn/training.hpp>
