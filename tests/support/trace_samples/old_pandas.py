"""One small DataFrame as older versions of pandas have pickled it (zlib, base64): our own data, their bytes."""

from __future__ import annotations

import base64
import zlib

COLUMNS = {
    "sample_id": ["x.1", "x.2", "y.1"],
    "prompt": ["p é", "q\n", "模"],  # string
    "eval_name": ["x", "x", "y"],  # category
    "m": [1.0, 0.5, None],  # float64, NaN
    "m|total_cost": [0.1, 0.2, 0.3],
    "n": [True, False, True],  # boolean
    "n|total_cost": [1, 2, 3],  # int64
}
_BYTES = {
    "pandas 1.5.3, protocol 2": (
        "eNqNVgmb00QYzrZ7SARPFBRUPCke1QWPVdFllxWFSNFBtCprnKSzTd00yZtMYatUDt0tq3jiBV7gCZ54g7es960/wr+hM5O0uwv4aPo8nU"
        "km33zv977vN+2GlB1Qr0CjrO2HLDsQ0jLT+yinS9QM2ryNaKkhlcm3appmlosh0pMiSh5noUfdKFumHi2yMNJ7Xd8eXB7f6WjNNN433ZIV"
        "jQfoZsULSvagy0xLRuhos71KOajGG5crLi/RMKRV3QyZ7XsRDys219Eev6WLPdUqOgxtGIfZpu0XmB3pzJMTHVPyLQKyBT3fLkaX8pLXic"
        "NHMJVgWh1HEByZMVrEJz2Co5ItC7waiMij8ykRsaILx4xuruNYgukZI612W4fjcrncsr/Fpb6Mbo7jrdF+zMjk02J9KNuJmclsPk5Qs6p4"
        "diLjmGXZpmlVSqIszzT1yC3ZItdsQ5Mo6jiJ4GQjVccpBHOctsmcqUIFYWZQHRpnLdfXI5/3UnuQFXScOkmXOCQrSCt5RVNfqcaemLDTlu"
        "1dvWparo7TCc7476i+mJUzhRXOqmFuvkMUFXE/FPoio8gNqtzxPcyLLKfdUXKc7QiOzyE4V3KcHsZ5znTBUja2UTBnbDfOVyRDxwWKpb92"
        "7USnYGm+VcOCOi60nNkiMiWZuYjgYsnMJQRdTptzyDptylnRD0s2dfXFE+a4tFHrZQSXT4pUYkfJMDEoqXehqPeKGq7M5HWBr5GAReg+oA"
        "EKbEjsY9GI6abH1ppL5RMdi/79teSNnhp6Y0YKouOwuEFenyTvKoIlkrzUMK5W5F2TURYcwlI1VrFM0GVYKt4TzYprc5URLCfIKYX8sMBC"
        "VsCK0UpTlevkxtcTkESVlU5s9VInbpBWX0Vwo7C6c4DJNY6brFFnihJK01qQd0Qf3UxwC8etQq/VdfRLvVJGWup1G4Ep9bqdgAq9ktyWzG"
        "0TFJpdx5LsA10YkNmLBE6j0RaidBCGOxSGWVrjGtvTnUx2NCZ712NQYnMJyhyeBJU2WiUonyCQoEAQjoOKJChOUGmCWuM4Mstcsdv+7fu3"
        "NT/7uifejo12L1DX2NZurJUZhwiqHHfKjK1Gm8x4F8E6mbFGcPd4Q080reX7LqOe3huPSXeuF77bUMPGuLVM5U9s+h/xiW/vEfH35ttUrL"
        "TVcKPYEVlsnWBzov5owr/Vifsk//cTbDm0+g801W8R6j8o632I4GGOR6w4UZlGg3i0kWirTPQYweNJoiecLePu0fCkjH+KYBvHdqsiGWsz"
        "2iVjTxM8Ixl7luC5cY2el7vtINjZ1OiFhm278KIE/hLByxL4wZZ5RQGfqYDHVyoZEzAaXpVodhHs5nhNYmk3OiSW1wnekFjeJHiL4+1+7M"
        "k4ixzRse9knGajviuhvUfwvoTWMYwPVKN+mMlPkUckLQfilC4V8FF8SIZ+OeDYqxbZGuqaqmv3Kb+X8XF+qhzXcZ+LJduPOD5RSx4+VUve"
        "xKXPRO9/bjmq5b8g+NI59GkTUq/IdCK/kzPnqxr2Z0Sc0i3iNOQYMzR1iIgzPcDXogHjGxbgG6NF7P8twXdsBN8T/BD/CxA+w4+qDGkw9Z"
        "8BP6l7s8w4Va77uR+/qByU8zDCrzX8Fvt5wKXFCL/X8Ed+hlx2XX9tZBYqgfg9FGes6VKLuRH+3BxVrOw/xXnvEg=="
    ),
    "pandas 1.5.3, protocol 4": (
        "eNqNVc1r1EAU32yyu3ar1lLUqkW8CCvoQvXiQVj6gWCDK9QqHpRhkkx3wubLZGJ3sUU9WFsYvHQ86EHwpv+Bnnvy7D/gybNHb/pmkm2z/c"
        "BOYGaSee/Ne+/3ey8vjXfb1ZIafDzCgYOTph3GpLkcY58IPjKPGb6t9lviyiuxJhrcQH4nFvxiUdwNGIkD7CVNHwe4Q+JE8OOzXmh372bv"
        "oN7gZ3IV5LlWsqsj+BhKg8i1ux5BllQCaX46SP2on5n3U4+5OI5xH8yimNhhkLA4tZkUrChBwWtgW4lsCbP0WsxplngjFkXD1ODR1wUd4x"
        "WH9SMZCi/fuyk2N7JznWurot1uL/yFoSazxYS1+QRc1nvNaSHn6zD3YU/ghB+zUhc8CsD1SuK5NlF3youkRbMsZzrKJ4biVc6BxhRCUb+3"
        "G3F7fkaezGK7Sxzp2/liZjOtJoTrBh0k+Oh9tZvJI134+vjBiba679rgbD4PUuHFawkLY4BA8GrUZzQMRGLRk3Rc5ohODDKkw8sFFbERXd"
        "r+Agl6WoeIf33+pCJeg1Ra9DIIlodjpFeHiZC7a2NGOmHs2tgDl+cKb0WX+bmiqsImyRfBTxW0hiJq8PrAvJSbHOahQ3pgxMIJBFxHAVlB"
        "d+Q3UKaLvDLYKx47wG2xPxXlnVRoPcG1fga5EcgiaKfr0u9aGDskBrQ200NyOcnL7vQuw+jUML9Kkl9zeqmkiUJ2y6a+J7v7bGdMBuvLQ/"
        "y9JQ6yP5lV9u9Wtv7M1z8v5KVwn24aR7vvOdj68F6Ob61s/d66ocaPVm7LMCt72H8Qja0w9AgOZHPIdgMe58hWUVah9O2ORAF7XkGHYJan"
        "3Pp/yrUs5WDKx0n3EFMfFTYlKZjK4Cpm9cjAuAVg6OqBsGgZDqVyvur5mqeyataKtzEBXKRL9CEkiD7af3Nth68jCfYj6CiuI4s9Dv2IQQ"
        "snz7CHFHu55kPm/VUWMvhkhwkcaxKMoPhJ0p3ijOl0abhGB/UV40B2lPqiXAtFBXrQERmOGfRDbkDriQTwEzYENpqySVQJGQhwBe8koIOf"
        "DfIJwwrhJ4A1Zgx+I9DBqmjZwx21PYs9L1xJkJNG0HahCyAPWwR+IRtJajX/AWTZnsI="
    ),
    "pandas 2.1.2, protocol 4": (
        "eNqNVc1r1EAU32yyu3ar1lLUqkW8CCvoQvXiQVj6gWCDK9QqHpRhkkx3wubLZGJ3sUU9WFsYvHQ86EHwpv+Bnnvy7D/gybNHb/pmkm2z/c"
        "BOYGaSee/Ne+/3ey8vjXfb1ZIafDzCgYOTph3GpLkcY58IPjKPGb6t9lviyiuxJhrcQH4nFvxiUdwNGIkD7CVNHwe4Q+JE8OOzXmh372bv"
        "oN7gZ3IV5LlWsqsj+BhKg8i1ux5BllQCaX46SP2on5n3U4+5OI5xH8yimNhhkLA4tZkUrChBwWtgW4lsCbP0WsxplngjFkXD1ODR1wUd4x"
        "WH9SMZCi/fuyk2N7JznWurot1uL/yFoSazxYS1+QRc1nvNaSHn6zD3YU/ghB+zUhc8CsD1SuK5NlF3youkRbMsZzrKJ4biVc6BxhRCUb+3"
        "G3F7fkaezGK7Sxzp2/liZjOtJoTrBh0k+Oh9tZvJI134+vjBiba679rgbD4PUuHFawkLY4BA8GrUZzQMRGLRk3Rc5ohODDKkw8sFFbERXd"
        "r+Agl6WoeIf33+pCJeg1Ra9DIIlodjpFeHiZC7a2NGOmHs2tgDl+cKb0WX+bmiqsImyRfBTxW0hiJq8PrAvJSbHOahQ3pgxMIJBFxHAVlB"
        "d+Q3UKaLvDLYKx47wG2xPxXlnVRoPcG1fga5EcgiaKfr0u9aGDskBrQ200NyOcnL7vQuw+jUML9Kkl9zeqmkiUJ2y6a+J7v7bGdMBuvLQ/"
        "y9JQ6yP5lV9u9Wtv7M1z8v5KVwn24aR7vvOdj68F6Ob61s/d66ocaPVm7LMCt72H8Qja0w9AgOZHPIdgMe58hWUVah9O2ORAF7XkGHYJan"
        "3Pp/yrUs5WDKx0n3EFMfFTYlKZjK4Cpm9cjAuAVg6OqBsGgZDqVyvur5mqeyataKtzEBXKRL9CEkiD7af3Nth68jCfYj6CiuI4s9Dv2IQQ"
        "snz7CHFHu55kPm/VUWMvhkhwkcaxKMoPhJ0p3ijOl0abhGB/UV40B2lPqiXAtFBXrQERmOGfRDbkDriQTwEzYENpqySVQJGQhwBe8koIOf"
        "DfIJwwrhJ4A1Zgx+I9DBqmjZwx21PYs9L1xJkJNG0HahCyAPWwR+IRtJajX/AWTZnsI="
    ),
    "pandas 2.3.3, protocol 5": (
        "eNqNVc1r1EAU3+ynbcVaKrVqUS9CBV2oXjwISz8QbHCFKkWEMkyyszth82UysbvQRT1YWxi8dCyoJ2/6J3j25Nmz4Mmz3rzpm0mym9QWnY"
        "XMy877/L3fmzytvPpaLajFp3zstnBYN72A1NsBdojgYyuY4VtK3hOXn4mBmOdl5HQCwc9n1S2XkcDFdlh3sIs7JAgFP75ke2b3TvwO5vN8"
        "JjFBtmWEIxvBJ1Hk+pbZtQkypBFo8xk3cvx+HSn/TmQzCwcB7oNfFBDTc0MWRCaTmhWlKXgNnCuVPaEXnotlzRAvxJqY1zX4lbYFneSVFu"
        "v7shZevHtD7O7E5yWubYlms7n6G5Z66A0mjN0NyLnUqy8I+bwGzz7IBE74MSOyICMXcq+EtmUSFVMGkh71onzSCT6dK1glBxZzCPn93qjk"
        "5sqiPFnCZpe0ZG5ns9DGVnUo13I7SPCJe0paTCpdvVD9WW6qeFfTs5W0yKrfZ9RzBT+VS8SxwhDUAITmIqhtS+MTdEqCRqdTyErwck5BUP"
        "YvfvoAyo/GAYLv798pCAaArUEvgWIxXzS9kqdGkr+JGel4gWViG2pYzrxla+BnsqaqWWGyCX4yY5WWmHByPHUv9WbzzGyRHjgxcAh8Hkcu"
        "2US35X9gTO/zSiorZreA7YdAURxCofUE1/oxB8quHItmJOHjNS9okQDatxsZfDpLXZAJpAxFo3bgOUbUbsfjsF8qpEsTdJYXrYURI+lcno"
        "8FiChbwrVlwUAlhb+olw7Ab83vzxay60cj3r8l+68nKlo7x/+b4pB48dT4Mh6EKunlo0O9eS3Xx0a8f25cV+tLQ9CtA27KeuXAlBxGd8Pz"
        "bIJdeYvEUsr3pOFVFE8yfTnUyFCCV1DcSmuEspagbPwHynGy4MXBYTfnBZagb0c6kWxCRa8ejYyW7MVkLw3dyJZnmkAH/2xBVa9lAzEBnK"
        "Tr9AEgQh/+zdvakLdjIXZ8uGqslrwUgIbgkY+Rx9hGisVccwBqZ4t5DP4yvRCONYm+m/1L0p6aMePpen5W0zkLsNuRg7Ym98xwgR1clQwH"
        "DC5KXg6Z5wsgHggEBE35JGqUyggaCdnJDqafIeQQhlVLN6AtmDH4wAygFNS2cUeJp7Fte5shakU+3MdwGyAbGwQ+LjthZNT/AKHcobk="
    ),
}
PICKLES = {name: zlib.decompress(base64.b64decode(packed)) for name, packed in _BYTES.items()}
