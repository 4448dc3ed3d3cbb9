import { describeTwins } from '../support/matrix/twins'

describeTwins('1.x')
