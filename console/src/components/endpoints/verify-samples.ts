// How a receiver checks a signature, in seven languages. Each sample takes the raw body, before anything parses it, and
// compares in constant time. It also takes the signature of a coming secret, so that a rotation needs no downtime.

export type VerifySample = { readonly language: string; readonly file: string; readonly code: string }

export const VERIFY_SAMPLES: readonly VerifySample[] = [
  {
    language: 'Node.js',
    file: 'verify.mjs',
    code: `import { createHmac, timingSafeEqual } from 'node:crypto'

const SECRET = process.env.SIVO_WEBHOOK_SECRET

// rawBody: the bytes as they came: express.raw({ type: 'application/json', limit: '1mb' }), or
// express.json({ limit: '1mb', verify: (request, response, body) => { request.rawBody = body } }).
// Events have up to 256 KB; without a limit Express and NestJS stop at 100 KB.
export function isFromSivo(rawBody, headers) {
  const expected = Buffer.from('sha256=' + createHmac('sha256', SECRET).update(rawBody).digest('hex'))
  return [headers['x-sivo-signature'], headers['x-sivo-signature-next']].some((header) => {
    const given = Buffer.from(header ?? '')
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
}
`,
  },
  {
    language: 'Python',
    file: 'verify.py',
    code: `import hashlib
import hmac
import os

SECRET = os.environ["SIVO_WEBHOOK_SECRET"].encode()


# raw_body: the bytes as they came: request.get_data() in Flask, await request.body() in FastAPI, request.body in
# Django (with csrf_exempt). A limit of your own must let 1 MB through: events have up to 256 KB.
def is_from_sivo(raw_body: bytes, headers) -> bool:
    expected = "sha256=" + hmac.new(SECRET, raw_body, hashlib.sha256).hexdigest()
    given = [headers.get("X-Sivo-Signature", ""), headers.get("X-Sivo-Signature-Next", "")]
    return any([hmac.compare_digest(one.encode(), expected.encode()) for one in given])
`,
  },
  {
    language: 'Go',
    file: 'verify.go',
    code: `package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
)

// IsFromSivo takes the bytes as they came, before anything decodes them:
// io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20)), or c.GetRawData() in Gin.
func IsFromSivo(rawBody []byte, header http.Header) bool {
	mac := hmac.New(sha256.New, []byte(os.Getenv("SIVO_WEBHOOK_SECRET")))
	mac.Write(rawBody)
	expected := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	for _, name := range []string{"X-Sivo-Signature", "X-Sivo-Signature-Next"} {
		if hmac.Equal([]byte(header.Get(name)), []byte(expected)) {
			return true
		}
	}
	return false
}
`,
  },
  {
    language: 'PHP',
    file: 'verify.php',
    code: `<?php

// $rawBody: file_get_contents('php://input'), before anything decodes it. Events have up to 256 KB:
// post_max_size (8M by default) and the web server's limit must be 1M or more. Without display_errors = 0, PHP
// answers 200 when your code throws, and the event counts as delivered.
ini_set('display_errors', '0');

function is_from_sivo(string $rawBody): bool
{
    $expected = 'sha256=' . hash_hmac('sha256', $rawBody, getenv('SIVO_WEBHOOK_SECRET'));
    foreach (['HTTP_X_SIVO_SIGNATURE', 'HTTP_X_SIVO_SIGNATURE_NEXT'] as $name) {
        if (hash_equals($expected, $_SERVER[$name] ?? '')) {
            return true;
        }
    }
    return false;
}
`,
  },
  {
    language: 'Java',
    file: 'SivoSignature.java',
    code: `import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class SivoSignature {
    /** rawBody: the bytes as they came (Spring: @RequestBody byte[]), with a limit of 1 MB or more. signature, next: the headers X-Sivo-Signature and X-Sivo-Signature-Next, or null. */
    public static boolean isFromSivo(byte[] rawBody, String signature, String next) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        byte[] secret = System.getenv("SIVO_WEBHOOK_SECRET").getBytes(StandardCharsets.UTF_8);
        mac.init(new SecretKeySpec(secret, "HmacSHA256"));
        byte[] expected = ("sha256=" + HexFormat.of().formatHex(mac.doFinal(rawBody))).getBytes(StandardCharsets.UTF_8);
        return Stream.of(signature, next)
            .anyMatch(given -> given != null && MessageDigest.isEqual(given.getBytes(StandardCharsets.UTF_8), expected));
    }
}
`,
  },
  {
    language: 'C#',
    file: 'SivoSignature.cs',
    code: `using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

public static class SivoSignature
{
    // rawBody: the bytes as they came, copied from Request.Body before model binding, with a limit of 1 MB or more.
    public static bool IsFromSivo(byte[] rawBody, IHeaderDictionary headers)
    {
        var secret = Encoding.UTF8.GetBytes(Environment.GetEnvironmentVariable("SIVO_WEBHOOK_SECRET")!);
        var hash = Convert.ToHexString(HMACSHA256.HashData(secret, rawBody)).ToLowerInvariant();
        var expected = Encoding.UTF8.GetBytes("sha256=" + hash);
        return new[] { "X-Sivo-Signature", "X-Sivo-Signature-Next" }.Any(name =>
            CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(headers[name].ToString()), expected));
    }
}
`,
  },
  {
    language: 'Ruby',
    file: 'verify.rb',
    code: `require 'openssl'

# raw_body: the bytes as they came: request.body.read in Rack, request.raw_post in Rails (without its check against
# cross-site requests). A limit of the web server must let 1 MB through: events have up to 256 KB.
def from_sivo?(raw_body, env)
  expected = "sha256=#{OpenSSL::HMAC.hexdigest('SHA256', ENV.fetch('SIVO_WEBHOOK_SECRET'), raw_body)}"
  %w[HTTP_X_SIVO_SIGNATURE HTTP_X_SIVO_SIGNATURE_NEXT].any? do |name|
    given = env[name].to_s
    given.bytesize == expected.bytesize && OpenSSL.fixed_length_secure_compare(given, expected)
  end
end
`,
  },
]
