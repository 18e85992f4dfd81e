// An old OpenSSL, as Node 0.10 and 0.12 carry it: 1.0.1u. VERSION is the
// secureProtocol, "SSLv3_method" or "TLSv1_method". Signs in over implicit TLS.
var tls = require('tls');
if (process.argv[2] === 'version') {
  console.log('Node ' + process.versions.node + ', OpenSSL ' + process.versions.openssl);
  process.exit(0);
}
var env = process.env;
function b64(s) { return new Buffer(s).toString('base64'); }
var say = ['EHLO client.contoso.example', 'AUTH LOGIN', b64(env.ACCOUNT), b64(env.PASSWORD),
  'MAIL FROM:<' + env.ACCOUNT + '>', 'RCPT TO:<' + env.RECIPIENT + '>', 'DATA', 'Subject: Scan\r\n\r\nOne page.\r\n.', 'QUIT'];
var last = '';
var socket = tls.connect({ host: env.HOST, port: +env.PORT, rejectUnauthorized: false, secureProtocol: env.VERSION });
socket.setEncoding('utf8');
socket.on('data', function (text) {
  last += text;
  var lines = last.split('\r\n');
  last = lines.pop();
  lines.forEach(function (line) {
    if (line.charAt(3) !== ' ') return;
    if (/^[45]/.test(line)) { console.error(line); socket.write('QUIT\r\n'); process.exitCode = 1; say = []; return; }
    if (say.length) socket.write(say.shift() + '\r\n');
  });
});
socket.on('error', function (err) { console.error(String(err)); process.exit(1); });
socket.on('end', function () { socket.end(); });
