"""Files from outside, damaged or made to do harm: how they are made (damage, seeds) and who has to refuse them (host, board).

tests/unit/test_fuzz.py runs two thousand of them, tests/soak/test_fuzz.py six hundred thousand, tests/device/fuzz.py some on a
board. Every case is made of its kind and its number alone, so that one number is all that it takes to see it again.
"""
