"""The block cipher of the memory protection engine: a keyed, tweaked permutation of 16-byte blocks."""

from __future__ import annotations

from hashlib import blake2b

from emu.architecture import BLOCK, PAS

_ROUNDS = 4
_HALF = BLOCK // 2


class BlockCipher:
    """One encryption context's permutation of each block of memory.

    A four-round Feistel network whose round function is keyed BLAKE2b; the tweak is the block's number, so equal
    plaintext differs from block to block (the RME system architecture's rule of one tweak per 128 bits). It is a model
    of the effect, made to be deterministic, and no claim about any product's cipher.
    """

    __slots__ = ("_rounds",)

    def __init__(self, seed: int, pas: PAS | None, mecid: int, generation: int) -> None:
        """The context {PAS, MECID, key generation}; `pas` is None where address spaces share their keys."""
        space = -1 if pas is None else int(pas)
        key = blake2b(repr((seed, space, mecid, generation)).encode(), digest_size=32).digest()
        self._rounds = tuple(
            blake2b(key=key, digest_size=_HALF, person=number.to_bytes(8, "little")) for number in range(_ROUNDS)
        )

    def encrypt(self, block: int, plain: bytes) -> bytes:
        """Ciphertext of the 16 bytes of block number `block`."""
        tweak = block.to_bytes(8, "little")
        left = int.from_bytes(plain[:_HALF], "little")
        right = int.from_bytes(plain[_HALF:], "little")
        for keyed in self._rounds:
            mix = keyed.copy()
            mix.update(tweak + right.to_bytes(_HALF, "little"))
            left, right = right, left ^ int.from_bytes(mix.digest(), "little")
        return left.to_bytes(_HALF, "little") + right.to_bytes(_HALF, "little")

    def decrypt(self, block: int, cipher: bytes) -> bytes:
        """Inverse of `encrypt`."""
        tweak = block.to_bytes(8, "little")
        left = int.from_bytes(cipher[:_HALF], "little")
        right = int.from_bytes(cipher[_HALF:], "little")
        for keyed in reversed(self._rounds):
            mix = keyed.copy()
            mix.update(tweak + left.to_bytes(_HALF, "little"))
            left, right = right ^ int.from_bytes(mix.digest(), "little"), left
        return left.to_bytes(_HALF, "little") + right.to_bytes(_HALF, "little")
