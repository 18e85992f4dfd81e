# Perl's Net::SMTP with Authen::SASL, which picks the mechanism. What it is
# refused it is told by a false value: this goes on only after a yes.
use strict;
use warnings;
use Net::SMTP;
use Authen::SASL;
use IO::Socket::SSL;

if (@ARGV && $ARGV[0] eq 'version') {
    print "Net::SMTP $Net::SMTP::VERSION\n";
    exit;
}
my %tls = $ENV{CERT} eq 'own' ? () : (SSL_verify_mode => SSL_VERIFY_NONE);
my $s = Net::SMTP->new(
    $ENV{HOST}, Port => $ENV{PORT}, Hello => 'client.contoso.example',
    $ENV{TLS} eq 'implicit' ? (SSL => 1, %tls) : (),
) or die "connect: $@";
if ($ENV{TLS} eq 'starttls') {
    $s->starttls(%tls) or die "STARTTLS: $@ " . $s->message;
}
$s->auth($ENV{ACCOUNT}, $ENV{PASSWORD}) or die 'AUTH: ' . $s->message;
$s->mail($ENV{ACCOUNT}) && $s->to($ENV{RECIPIENT}) && $s->data() or die 'envelope: ' . $s->message;
$s->datasend(do { local $/; <STDIN> });
$s->dataend() or die 'message: ' . $s->message;
$s->quit();
