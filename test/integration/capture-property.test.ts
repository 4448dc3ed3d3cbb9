import { describeProperty } from '../support/matrix/property'

describeProperty('1.x')
