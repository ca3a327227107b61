"""What stored password hashes look like, whichever program wrote them: where a password is asked for, one is a mistake.

Verifies none, and does not judge which of them may be used. Pure; any thread may call.
"""

import re

from chatsrv.text.names import PASSWORD_BYTES

USE_PASSWORD_HASH = "this is a hash: use password_hash"

_SCHEMES = (
    r"S?SHA-?(?:1|224|256|384|512)?|S?MD[45]|NTLM|NT|LANMAN|LM|SCRYPT|BCRYPT|(?:BLF-|DES-|MD5-|SHA256-|SHA512-)?CRYPT"
    r"|ARGON2(?:I|D|ID)?|PBKDF2(?:[-_]SHA-?\d+)?|PKCS5S2|SCRAM-SHA-\d+|CRAM-MD5|DIGEST-MD5"
)

_FORMS = re.compile(
    "|".join(
        (
            r"[!*]{0,2}\$[A-Za-z0-9-]{1,20}(?:,[^$\s]*)?\$\S*[./A-Za-z0-9+=_-]{20,}",  # crypt(3), PHC strings, phpass
            rf"(?i:\{{(?:{_SCHEMES})(?:\.(?:HEX|B64|BASE64))?\}}\S{{13,}})",  # LDAP, Dovecot, Apache's {SHA}
            r"(?:pbkdf2_sha\d+|bcrypt(?:_sha256)?|argon2|scrypt|md5|sha1)\$\S*\$\S{20,}",  # Django
            r"(?:pbkdf2|scrypt):\S+\$\S+\$[0-9a-f]{32,}",  # Werkzeug
            r"SCRAM-SHA-\d+\$\d+:\S+\$\S{20,}|md5[0-9a-f]{32}",  # PostgreSQL
            r"\*[0-9A-F]{40}",  # MySQL
        )
    )
)


def is_hash(text: str) -> bool:
    """Tell whether `text` is a stored hash by its form.

    Some hashes look as passwords may: DES crypt is 13 letters, and bare hexadecimal is what generators of passwords
    make. Those it does not tell.

    >>> is_hash("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="), is_hash("$5 is not enough")
    (True, False)
    """
    return len(text) <= PASSWORD_BYTES and _FORMS.fullmatch(text) is not None
