"""Moving bytes in plain Python; as movement_viper.py."""


def copy(p, arena, constants, first, last):
    source = constants if p[2] else arena
    for row in range(first, last):
        for i in range(p[3]):
            for j in range(p[4]):
                at = p[0] + row * p[6] + i * p[7] + j * p[8]
                to = p[1] + row * p[10] + i * p[11] + j * p[12]
                for k in range(p[5]):
                    arena[to + k * p[13]] = source[at + k * p[9]]


def fill(p, arena, constants, first, last):
    for i in range(p[1] + first * p[3], p[1] + last * p[3]):
        arena[i] = p[2] ^ 128
