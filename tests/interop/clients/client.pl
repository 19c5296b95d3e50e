# Asks for each path that comes by a line, with the cookies of LWP::UserAgent, and writes the body by a line.
use strict;
use warnings;
use HTTP::Cookies;
use LWP::UserAgent;

$| = 1;
my $client = LWP::UserAgent->new(cookie_jar => HTTP::Cookies->new, timeout => 60);
while (my $path = <STDIN>) {
    chomp $path;
    print $client->get($ARGV[0] . $path)->decoded_content, "\n";
}
