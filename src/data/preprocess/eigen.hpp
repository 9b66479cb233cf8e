#pragma once
// Eigenvalues and eigenvectors of symmetric matrices.
#include <cstdint>
#include <vector>

namespace convoy {

struct EigenPairs {
  std::vector<double> values;                ///< descending
  std::vector<std::vector<double>> vectors;  ///< of length 1, in the order of the values
};

/// Of a symmetric matrix, row after row, of `size` rows. Cyclic Jacobi rotations (Golub & Van Loan,
/// Matrix Computations, 8.5; thresholds after Rutishauser 1966). About 10 * size^3 operations a
/// sweep and a few sweeps: slower than tridiagonalisation, but small eigenvalues of a covariance
/// keep their relative accuracy however different the scales of the columns are (Demmel & Veselic
/// 1992), and the result does not depend on a LAPACK or its number of threads. Of each vector the
/// element of largest magnitude (of equal ones the first) is positive.
EigenPairs eigen_symmetric(std::vector<double> matrix, std::size_t size);

}  // namespace convoy
