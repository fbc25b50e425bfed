"""Copying and base64, viper and plain."""

from binascii import b2a_base64

from watchword.kernels import buffers_plain, buffers_viper

BOTH = (buffers_viper, buffers_plain)


def test_base64_of_every_byte_and_length():
    for body in BOTH:
        for n in range(70):
            data = bytes((i * 37 + n * 11) & 255 for i in range(n))
            text = bytearray(b2a_base64(data)[:-1])
            assert body.decode_base64(text, len(text)) == n
            assert text[:n] == data


def test_base64_names_the_character_that_does_not_belong():
    for body in BOTH:
        assert body.decode_base64(bytearray(b"AA!A"), 4) == -3
        assert body.decode_base64(bytearray(b"\nAAA"), 4) == -1
        assert body.decode_base64(bytearray(b"A=AA"), 4) == -2
        assert body.decode_base64(bytearray(b"AA=A"), 4) == -4
        assert body.decode_base64(bytearray(b"AA==AAAA"), 8) == -3
        assert body.decode_base64(bytearray(b"A\xc3AA"), 4) == -2


def test_copy_forward_within_one_buffer():
    for body in BOTH:
        a = bytearray(range(10))
        body.copy(a, 1, a, 4, 5)
        assert a == bytearray([0, 4, 5, 6, 7, 8, 6, 7, 8, 9])
        body.copy(a, 0, a, 9, 0)
        assert a[0] == 0


def test_a_mask_is_taken_off():
    for body in BOTH:
        for n in range(9):
            data = bytearray(k * 37 & 255 for k in range(12))
            plain = bytes(b ^ 0xA5 for b in data)
            body.unmask(data, n, 0xA5)
            assert data[:n] == plain[:n]
